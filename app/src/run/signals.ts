import {
  CommonwattError,
  isId,
  meanPowerW,
  signatureHolds,
  type DemandSignal,
  type Signed,
  type SignalView,
  type SlotView,
  slotMs,
  slotStartMs,
  type SlotMinutes,
} from '@commonwatt/domain';
import { existsSync, readFileSync } from 'node:fs';
import { writeAtomically } from './state.ts';

interface Kept {
  readonly signal: Signed<DemandSignal>;
  /** What the feeder would have drawn without the signal: sum of power x time, W x ms, and the time it was watched. */
  withoutWMs: number;
  watchedMs: number;
}

const SIGNAL_LENGTH_MS_MAX = 7 * 24 * 3_600_000;

/**
 * The operator's demand signals, kept on disk, and what came of them. The import without a signal is what the agents themselves
 * would have done (their baseline) at every moment of the interval; the import with it is what the meters counted.
 */
export class SignalBoard {
  readonly #file: string;
  readonly #community: string;
  readonly #operatorKey: string;
  readonly #kept: Kept[];

  constructor(options: { file: string; community: string; operatorKey: string }) {
    this.#file = options.file;
    this.#community = options.community;
    this.#operatorKey = options.operatorKey;
    this.#kept = existsSync(this.#file) ? (JSON.parse(readFileSync(this.#file, 'utf8')) as Kept[]) : [];
  }

  /** Takes a signal for good. Errors: `malformed`, `out-of-range`, `unsigned`, `bad-signature`, `forbidden`, `duplicate`, `too-late`. */
  add(signed: unknown, nowMs: number): DemandSignal {
    const signal = this.#check(signed, nowMs);
    this.#kept.push({ signal: signed as Signed<DemandSignal>, withoutWMs: 0, watchedMs: 0 });
    this.save();
    return signal;
  }

  all(): readonly DemandSignal[] {
    return this.#kept.map((kept) => kept.signal.payload);
  }

  /** Signals not over yet, which the agents plan with. */
  ahead(nowMs: number): readonly DemandSignal[] {
    return this.all().filter((signal) => signal.toMs > nowMs);
  }

  /** The tightest limit in force now, or null. */
  limitW(nowMs: number): number | null {
    const limits = this.all().filter((signal) => signal.fromMs <= nowMs && nowMs < signal.toMs);
    return limits.length === 0 ? null : Math.min(...limits.map((signal) => signal.limitW));
  }

  /** Notes what the feeder would have drawn without signals during [fromMs, toMs). Power in W, positive on import. */
  watch(fromMs: number, toMs: number, importWithoutW: number): void {
    for (const kept of this.#kept) {
      const { fromMs: start, toMs: end } = kept.signal.payload;
      const lengthMs = Math.min(toMs, end) - Math.max(fromMs, start);
      if (lengthMs <= 0) continue;
      kept.withoutWMs += importWithoutW * lengthMs;
      kept.watchedMs += lengthMs;
    }
  }

  save(): void {
    writeAtomically(this.#file, `${JSON.stringify(this.#kept, null, 2)}\n`);
  }

  /** What became of each signal; the metered side counts the settled slots that lie wholly within it. */
  views(nowMs: number, slots: ReadonlyMap<string, SlotView>, slotMinutes: SlotMinutes): SignalView[] {
    return this.#kept.map(({ signal: { payload }, withoutWMs, watchedMs }) => {
      let meteredWh = 0;
      let meteredMs = 0;
      for (const slot of slots.values()) {
        const startMs = slotStartMs(slot.slot);
        if (startMs < payload.fromMs || startMs + slotMs(slotMinutes) > payload.toMs) continue;
        meteredWh += slot.importWh - slot.exportWh;
        meteredMs += slotMs(slotMinutes);
      }
      return {
        id: payload.id,
        limitW: payload.limitW,
        fromMs: payload.fromMs,
        toMs: payload.toMs,
        state: nowMs < payload.fromMs ? 'announced' : nowMs < payload.toMs ? 'active' : 'over',
        importWithoutW: watchedMs === 0 ? null : Math.round(withoutWMs / watchedMs),
        importWithW: meteredMs === 0 ? null : meanPowerW(meteredWh, meteredMs),
      };
    });
  }

  #check(signed: unknown, nowMs: number): DemandSignal {
    const { payload, key, signature } = (signed ?? {}) as Partial<Signed<Partial<DemandSignal>>>;
    const fail = (field: string, rule: string, code: 'malformed' | 'out-of-range' = 'malformed'): never => {
      throw new CommonwattError(code, `a demand signal's ${field}: ${rule}`, {
        field: `payload.${field}`,
        rule,
      });
    };
    if (typeof payload !== 'object' || payload === null) return fail('payload', 'must be an object');
    if (payload.type !== 'signal') fail('type', 'must be "signal"');
    if (payload.kind !== 'import-limit') fail('kind', 'must be "import-limit"');
    if (!isId(payload.id)) fail('id', '1 to 64 characters of [A-Za-z0-9._:-]');
    if (!isId(payload.feeder)) fail('feeder', '1 to 64 characters of [A-Za-z0-9._:-]');
    if (payload.community !== this.#community) {
      throw new CommonwattError('wrong-community', `this is ${this.#community}`, {
        field: 'payload.community',
      });
    }
    for (const field of ['limitW', 'fromMs', 'toMs', 'issuedAtMs'] as const) {
      if (!Number.isSafeInteger(payload[field])) fail(field, 'must be a whole number');
    }
    const signal = payload as DemandSignal;
    if (signal.limitW < 0 || signal.limitW > 1e9) fail('limitW', 'must be 0 to 10^9 W', 'out-of-range');
    if (signal.toMs <= signal.fromMs) fail('toMs', 'must lie after fromMs', 'out-of-range');
    if (signal.toMs - signal.fromMs > SIGNAL_LENGTH_MS_MAX)
      fail('toMs', 'must lie within 7 days of fromMs', 'out-of-range');
    if (key === undefined || signature === undefined)
      throw new CommonwattError('unsigned', 'a demand signal must be signed');
    if (key !== this.#operatorKey)
      throw new CommonwattError('forbidden', 'only the grid operator may send demand signals', {
        field: 'key',
      });
    if (!signatureHolds({ payload, key, signature }))
      throw new CommonwattError('bad-signature', 'the signature does not hold', { field: 'signature' });
    if (this.all().some((known) => known.id === signal.id))
      throw new CommonwattError('duplicate', `signal ${signal.id} is already taken`, { record: signal.id });
    if (signal.toMs <= nowMs) {
      throw new CommonwattError(
        'too-late',
        `the signal ended at ${new Date(signal.toMs).toISOString()}, now it is ${new Date(nowMs).toISOString()}`,
        {
          remedy: "give an interval that ends in the future of the neighbourhood's own time",
        },
      );
    }
    return signal;
  }
}
