import { describe, expect, it } from 'vitest';
import {
  canonicalJson,
  sha256Hex,
  type BundleRecord,
  type MeterReading,
  type Signed,
} from '@commonwatt/domain';
import { signerNamed, slotsFrom } from '../testing/sample.ts';
import { checkMeters, type SlotRecords } from './meters.ts';

const signer = signerNamed('gateway');
const slots = slotsFrom('2026-06-01T12:00:00Z', 5);

/** A gateway's readings for the slots, each following the one before, with changes to single ones before they are signed. */
function readings(changes: Record<number, Partial<MeterReading>> = {}): Signed<MeterReading>[] {
  const made: Signed<MeterReading>[] = [];
  slots.forEach((slot, sequence) => {
    const before = made.at(-1);
    made.push(
      signer.sign<MeterReading>({
        type: 'reading',
        community: 'test',
        gateway: 'gw-1',
        participant: 'home-01',
        slot,
        sequence,
        previousHash: before ? sha256Hex(canonicalJson(before)) : '0'.repeat(64),
        importWh: 10,
        exportWh: 2,
        importCounterWh: 1000 + 10 * sequence,
        exportCounterWh: 500 + 2 * sequence,
        epoch: 0,
        pvWh: null,
        batteryChargedWh: null,
        batteryDischargedWh: null,
        stateOfChargePermille: null,
        flags: [],
        deviceTimeMs: null,
        gatewayTimeMs: 0,
        clockSynchronised: true,
        ...changes[sequence],
      }),
    );
  });
  return made;
}

function published(made: readonly Signed<MeterReading>[]): { slot: string; records: BundleRecord[] }[] {
  return made.map((reading, index) => ({ slot: slots[index]!, records: [{ type: 'reading', reading }] }));
}

const estimateIn = (slot: string): BundleRecord => ({
  type: 'estimate',
  estimate: { participant: 'home-01', slot, importWh: 9, exportWh: 0, basis: 'forecast' },
});
const faults = (found: readonly SlotRecords[]): string[] =>
  checkMeters(found).map(({ slot, what }) => `${slot} ${what}`);

describe('readings from slot to slot', () => {
  it('follow each other', () => {
    expect(faults(published(readings()))).toEqual([]);
  });

  it.each<[string, Record<number, Partial<MeterReading>>, string]>([
    ['a counter that lost energy', { 2: { importWh: 9 } }, `${slots[2]} its import is not the growth`],
    ['export made up', { 3: { exportWh: 7 } }, `${slots[3]} its export is not the growth`],
    ['a sequence twice', { 2: { sequence: 1 } }, `${slots[2]} sequence 1 is there twice`],
    ['another predecessor', { 2: { previousHash: '1'.repeat(64) } }, `${slots[2]} does not follow`],
    ['an epoch that goes back', { 0: { epoch: 1 } }, `${slots[1]} its epoch 0 is before 1`],
  ])('are found out with %s', (_what, changes, message) => {
    expect(faults(published(readings(changes)))[0]).toContain(message);
  });

  it('may jump in their counters when the meter was replaced', () => {
    const changed = [2, 3, 4].map((index) => [
      index,
      { epoch: 1, importCounterWh: 10 * index, exportCounterWh: 2 * index },
    ]);
    expect(
      faults(published(readings(Object.fromEntries(changed) as Record<number, Partial<MeterReading>>))),
    ).toEqual([]);
  });

  it('are missed when one is gone, unless its slot was settled on an estimate', () => {
    const found = published(readings());
    found[2]!.records = [];
    expect(faults(found)[0]).toContain('between sequence 1 and 3 are missing');
    found[2]!.records = [estimateIn(slots[2]!)];
    expect(faults(found)).toEqual([]);
    found[3]!.records = [];
    expect(faults(found)[0]).toContain('between sequence 1 and 4 are missing');
  });

  it('count when they come late, as a true-up, and only once', () => {
    const made = readings();
    const found = published(made);
    const estimate = estimateIn(slots[1]!);
    if (estimate.type !== 'estimate') throw new Error('no estimate');
    const late: BundleRecord = {
      type: 'true-up',
      trueUp: { estimate: estimate.estimate, reading: made[1]! },
    };
    found[1]!.records = [estimate];
    found[3]!.records.push(late);
    expect(faults(found)).toEqual([]);
    found[4]!.records.push(late);
    expect(faults(found)[0]).toContain('sequence 1 is there twice');
  });

  it('lets a box with another key begin anew, and one that was not registered skip those slots', () => {
    const made = readings();
    const other = signerNamed('another box');
    const { payload } = made[3]!;
    const renewed = other.sign({ ...payload, sequence: 0, previousHash: '0'.repeat(64), importCounterWh: 7 });
    const [first, second, , , last] = published(made);
    expect(
      faults([first!, second!, { slot: slots[3]!, records: [{ type: 'reading', reading: renewed }] }]),
    ).toEqual([]);
    const who: BundleRecord = {
      type: 'participant',
      participant: { id: 'home-01', accountKey: 'a'.repeat(64), role: 'household' },
    };
    const box: BundleRecord = {
      type: 'gateway',
      registration: signer.sign({
        type: 'gateway',
        community: 'test',
        participant: 'home-01',
        gateway: 'gw-1',
        gatewayKey: signer.publicKey,
      }),
    };
    const without = slots.slice(2, 4).map((slot) => ({ slot, records: [who] }));
    const withBox = without.map(({ slot, records }) => ({ slot, records: [...records, box] }));
    expect(faults([first!, second!, ...without, last!])).toEqual([]);
    expect(faults([first!, second!, ...withBox, last!])).toEqual([
      `${slots[4]} the readings between sequence 1 and 4 are missing`,
    ]);
  });
});
