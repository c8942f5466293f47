import { canonicalJson, sha256Hex, type MeterReading, type Signed } from '@commonwatt/domain';

/** What a reading's place in its gateway's chain looks like; anything but `sound` is noted, never refused. */
export type ChainNote = 'sound' | 'gap' | 'broken' | 'counter';

const FIRST_HASH = '0'.repeat(64);
/** Readings may overtake each other; so many predecessors per gateway are remembered. */
const REMEMBERED_MAX = 64;

interface Link {
  readonly hash: string;
  readonly epoch: number;
  readonly importCounterWh: number;
  readonly exportCounterWh: number;
}

/**
 * Follows each gateway's hash chain (`previousHash` is the SHA-256 of the canonical JSON of its previous signed reading).
 * `gap`: the predecessor has not been seen; `broken`: it was another one; `counter`: the counters do not add up with it.
 */
export class ReadingChains {
  readonly #links = new Map<string, Map<number, Link>>();

  note(signed: Signed<MeterReading>): ChainNote {
    const { payload } = signed;
    let links = this.#links.get(payload.gateway);
    if (links === undefined) this.#links.set(payload.gateway, (links = new Map()));
    links.set(payload.sequence, {
      hash: sha256Hex(canonicalJson(signed)),
      epoch: payload.epoch,
      importCounterWh: payload.importCounterWh,
      exportCounterWh: payload.exportCounterWh,
    });
    if (links.size > REMEMBERED_MAX) links.delete(links.keys().next().value as number);
    if (payload.sequence === 0) return payload.previousHash === FIRST_HASH ? 'sound' : 'broken';
    const before = links.get(payload.sequence - 1);
    if (before === undefined) return 'gap';
    if (before.hash !== payload.previousHash) return 'broken';
    const adds =
      before.epoch !== payload.epoch ||
      (before.importCounterWh + payload.importWh === payload.importCounterWh &&
        before.exportCounterWh + payload.exportWh === payload.exportCounterWh);
    return adds ? 'sound' : 'counter';
  }
}
