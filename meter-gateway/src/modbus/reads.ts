import type { Registers } from '../profile/decode.ts';
import { planReads, type Span } from '../profile/plan.ts';
import { ModbusException, type ModbusBus, type RequestTiming } from './bus.ts';

/** Reads words of a span from one unit of a bus. */
export type ReadSpan = (span: Span, timing?: RequestTiming) => Promise<readonly number[]>;

export interface ReadsOptions {
  readonly spans: readonly Span[];
  readonly readMax: number;
  readonly gapMax: number;
  /** True where the device may lack some of the spans: their registers are then undefined, and asked for again now and then. */
  readonly holesAllowed: boolean;
}

/** A hole is tried again after this many looks: a device that starts up may not know all of its registers yet. */
const HOLE_AGAIN_LOOKS = 100;

/** Illegal data address or value (Modbus Application Protocol 1.1b3, section 7): the device does not have what was asked for. */
function isHole(error: unknown): error is ModbusException {
  return error instanceof ModbusException && (error.exceptionCode === 2 || error.exceptionCode === 3);
}

/** How to read spans with function 3 or 4 of one unit. */
export function spanReader(bus: ModbusBus, unitId: number, readFunction: 3 | 4): ReadSpan {
  return ({ address, count }, timing) => bus.read(unitId, readFunction, address, count, timing);
}

/** A planned request, and how small it has become. */
interface Planned {
  readonly span: Span;
  /** What is read along: unasked registers in between, only adjoining ones, or nothing. */
  readonly cut: 'none' | 'gaps' | 'all';
  /** Looks to wait before a hole is asked for again. */
  waits: number;
}

/**
 * The looks at one device: adjoining registers in one request. A device that refuses a request because of registers in between that
 * nobody needs is asked for just those that are needed, from then on.
 */
export class Reads {
  readonly #read: ReadSpan;
  readonly #options: ReadsOptions;
  #plan: readonly Planned[];

  /** Throws RangeError when a span is longer than the device answers in one request. */
  constructor(read: ReadSpan, options: ReadsOptions) {
    this.#read = read;
    this.#options = options;
    this.#plan = planReads(options.spans, options.readMax, options.gapMax).map((span) => ({
      span,
      cut: 'none',
      waits: 0,
    }));
  }

  /** One look. Throws ModbusException or CommonwattError `unavailable`; a hole is one when there are only holes, or none may be. */
  async look(timing?: RequestTiming): Promise<Registers> {
    const blocks: { address: number; words: readonly number[] }[] = [];
    const plan: Planned[] = [];
    let hole: ModbusException | undefined;
    const waiting = [...this.#plan];
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      if (one.waits > 0) {
        plan.push({ ...one, waits: one.waits - 1 });
        continue;
      }
      try {
        blocks.push({ address: one.span.address, words: await this.#read(one.span, timing) });
        plan.push(one);
      } catch (error) {
        if (!isHole(error)) throw error;
        const parts = this.#cut(one);
        if (parts.length > 0) waiting.unshift(...parts);
        else if (!this.#options.holesAllowed) throw error;
        else {
          hole = error;
          plan.push({ ...one, waits: HOLE_AGAIN_LOOKS });
        }
      }
    }
    // A device that knows none of it is another device, or not ready: all is asked for again.
    if (blocks.length === 0 && hole) throw hole;
    this.#plan = plan;
    return (address) => {
      for (const block of blocks) {
        const word = block.words[address - block.address];
        if (word !== undefined) return word;
      }
      return undefined;
    };
  }

  /** The smaller requests that a refused one is made of; none when it cannot be cut. */
  #cut({ span, cut }: Planned): Planned[] {
    if (cut === 'all') return [];
    const end = span.address + span.count;
    const wanted = this.#options.spans.filter(
      ({ address, count }) => address >= span.address && address + count <= end,
    );
    const next = cut === 'none' ? 'gaps' : 'all';
    const each = new Map(wanted.map((one) => [`${one.address} ${one.count}`, one]));
    const parts = next === 'gaps' ? planReads(wanted, this.#options.readMax, 0) : [...each.values()];
    const same = parts.length === 1 && parts[0]?.count === span.count;
    if (same) return next === 'all' ? [] : this.#cut({ span, cut: next, waits: 0 });
    return parts.map((part) => ({ span: part, cut: next, waits: 0 }));
  }
}
