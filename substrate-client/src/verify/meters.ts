import {
  canonicalJson,
  sha256Hex,
  signatureHolds,
  type BundleRecord,
  type MeterReading,
  type Signed,
  type SlotId,
} from '@commonwatt/domain';
import { recordLabel } from '../bundle/layout.ts';

export interface SlotRecords {
  readonly slot: SlotId;
  readonly records: readonly BundleRecord[];
}

export interface SlotFault {
  readonly slot: SlotId;
  readonly record: string;
  readonly what: string;
}

interface Found {
  readonly slot: SlotId;
  readonly label: string;
  readonly signed: Signed<MeterReading>;
}

/**
 * No reading is lost or doubled: per gateway and key the sequence grows by one from reading to reading, each names the one before by its
 * hash, and the counters grow by what the reading says (within an epoch of the meter). Where a slot was settled on an estimate
 * and the reading never came, and where the gateway was not registered with this key, the chain of readings may skip that slot.
 */
export function checkMeters(slots: readonly SlotRecords[]): SlotFault[] {
  const byGateway = new Map<string, Found[]>();
  const estimated = new Map<string, SlotId[]>();
  const registered = new Map<SlotId, ReadonlySet<string>>();
  for (const { slot, records } of slots) {
    if (records.some(({ type }) => type === 'participant')) registered.set(slot, registeredIn(records));
    records.forEach((record, index) => {
      const label = recordLabel(index, record);
      // A changed byte can take parts away: what is no reading any more is another check's fault.
      const signed =
        record.type === 'reading'
          ? record.reading
          : record.type === 'true-up'
            ? record.trueUp?.reading
            : null;
      if (typeof signed?.payload?.gateway === 'string') add(byGateway, { slot, label, signed });
      if (record.type === 'estimate') {
        const participant = String(record.estimate?.participant);
        estimated.set(participant, [...(estimated.get(participant) ?? []), slot]);
      }
      // A feeder's reading that did not come in time leaves no estimate, but a check that says so.
      if (record.type === 'feeder' && record.check?.importWh === null) {
        const feeder = String(record.check.feeder);
        estimated.set(feeder, [...(estimated.get(feeder) ?? []), slot]);
      }
    });
  }
  return [...byGateway.values()].flatMap((found) => {
    const own = found[0] === undefined ? '' : chainOf(found[0].signed);
    const without = [...registered].flatMap(([slot, chains]) => (chains.has(own) ? [] : [slot]));
    return checkGateway(found, estimated, without);
  });
}

/** A gateway with another key is another box: its readings begin anew. */
function chainOf({ payload, key }: Signed<MeterReading>): string {
  return `${payload.gateway} ${key}`;
}

function registeredIn(records: readonly BundleRecord[]): ReadonlySet<string> {
  return new Set(
    records.flatMap((record) => {
      const payload = record.type === 'gateway' ? record.registration?.payload : undefined;
      return payload === undefined ? [] : [`${payload.gateway} ${payload.gatewayKey}`];
    }),
  );
}

function add(byGateway: Map<string, Found[]>, found: Found): void {
  const chain = chainOf(found.signed);
  const known = byGateway.get(chain) ?? [];
  known.push(found);
  byGateway.set(chain, known);
}

function checkGateway(
  found: Found[],
  estimated: ReadonlyMap<string, readonly SlotId[]>,
  without: readonly SlotId[],
): SlotFault[] {
  const faults: SlotFault[] = [];
  // A reading whose signature does not hold is a fault of its own slot; its neighbours are not to blame for the hole it leaves.
  const genuine = found.filter((reading) => signatureHolds(reading.signed));
  const gapsExplained = genuine.length < found.length;
  const inOrder = genuine.toSorted((a, b) => a.signed.payload.sequence - b.signed.payload.sequence);
  for (let index = 1; index < inOrder.length; index += 1) {
    const before = inOrder[index - 1]!;
    const after = inOrder[index]!;
    const what = brokenLink(before.signed, after.signed, gapsExplained, [
      ...new Set([...(estimated.get(after.signed.payload.participant) ?? []), ...without]),
    ]);
    if (what !== null) faults.push({ slot: after.slot, record: after.label, what });
  }
  return faults;
}

function brokenLink(
  before: Signed<MeterReading>,
  after: Signed<MeterReading>,
  gapsExplained: boolean,
  unread: readonly SlotId[],
): string | null {
  const [a, b] = [before.payload, after.payload];
  if (b.sequence === a.sequence) return `sequence ${b.sequence} is there twice`;
  if (b.sequence !== a.sequence + 1) {
    if (gapsExplained) return null;
    // A reading that never came in time left an estimate in its slot; one of a gateway that is not registered is not taken.
    const between = unread.filter((slot) => slot > a.slot && slot < b.slot);
    if (b.slot > a.slot && b.sequence - a.sequence - 1 <= between.length) return null;
    return `the readings between sequence ${a.sequence} and ${b.sequence} are missing`;
  }
  if (b.previousHash !== sha256Hex(canonicalJson(before)))
    return `does not follow the reading with sequence ${a.sequence}`;
  if (b.slot <= a.slot) return `is for ${b.slot}, not after ${a.slot}`;
  if (b.epoch < a.epoch) return `its epoch ${b.epoch} is before ${a.epoch}`;
  if (b.epoch !== a.epoch) return null;
  if (b.importCounterWh - a.importCounterWh !== b.importWh)
    return 'its import is not the growth of the import counter';
  if (b.exportCounterWh - a.exportCounterWh !== b.exportWh)
    return 'its export is not the growth of the export counter';
  return null;
}
