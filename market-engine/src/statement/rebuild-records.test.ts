import { canonicalJson, type BundleRecord, type Order, type Signed } from '@commonwatt/domain';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SLOT } from '../auction/books.fixture.ts';
import {
  COMMUNITY,
  FEEDER,
  participantsOf,
  registrationOf,
  RULES,
  signedOrder,
  signedReading,
  signerOf,
  trueUpOf,
} from './community.fixture.ts';
import { rebuildRecords } from './rebuild-records.ts';
import { buildSlotRecords, type SlotInputs } from './slot-records.ts';

const HOMES = ['alice', 'bob', 'carol', 'dave', 'erin'];
const order = (
  id: string,
  participant: string,
  side: Order['side'],
  energyWh: number,
  price: number,
): Order => ({
  id,
  participant,
  side,
  energyWh,
  priceMicroPerKwh: price,
});
const ORDERS = [
  order('a1', 'alice', 'bid', 1000, 240_000),
  order('b1', 'bob', 'offer', 700, 90_000),
  order('c1', 'carol', 'bid', 500, 200_000),
  order('d1', 'dave', 'offer', 400, 120_000),
];
const INPUTS: SlotInputs = {
  rules: { ...RULES, networkFeeMicroPerKwh: 10_000 },
  slot: SLOT,
  participants: participantsOf(HOMES, FEEDER),
  gateways: [...HOMES, FEEDER].map(registrationOf),
  orders: ORDERS.map((order) => signedOrder(order)),
  cancels: [
    signerOf('bob').sign({
      type: 'cancel',
      community: COMMUNITY,
      slot: SLOT,
      id: 'b0',
      participant: 'bob',
      revision: 1,
    }),
  ],
  readings: [
    signedReading('alice', 900, 0),
    signedReading('bob', 0, 800),
    signedReading('dave', 0, 400),
    signedReading(FEEDER, 700, 0),
  ],
  estimates: ['carol', 'erin'].map((participant) => ({
    participant,
    slot: SLOT,
    importWh: 450,
    exportWh: 0,
    basis: 'forecast',
  })),
  trueUps: [trueUpOf('dave', [100, 0], [50, 0], 0)],
  carries: [
    { debtor: 'carol', batchId: 'b-1', amountMicro: '12', claims: [] },
    { debtor: 'dave', batchId: 'b-1', amountMicro: '5', claims: [] },
    { debtor: 'alice', batchId: 'b-2', amountMicro: '7', claims: [] },
  ],
};
const RECORDS = buildSlotRecords(INPUTS);
const DERIVED: ReadonlySet<string> = new Set(['clearing', 'position', 'line', 'feeder']);
const copy = (): BundleRecord[] => structuredClone(RECORDS);
const typesOf = (records: readonly BundleRecord[]): string[] => [...new Set(records.map(({ type }) => type))];

describe('buildSlotRecords', () => {
  it('orders the records by kind, each kind by its ids', () => {
    expect(typesOf(RECORDS)).toEqual([
      'rules',
      'participant',
      'gateway',
      'order',
      'cancel',
      'reading',
      'estimate',
      'true-up',
      'carry',
      'clearing',
      'position',
      'line',
      'feeder',
    ]);
    const participants = RECORDS.flatMap((r) => (r.type === 'participant' ? [r.participant.id] : []));
    expect(participants).toEqual([
      'alice',
      'bob',
      'carol',
      'community-fund',
      'dave',
      'erin',
      'feeder-1',
      'supplier',
    ]);
    const metered = RECORDS.flatMap((r) => (r.type === 'position' ? [r.position.participant] : []));
    expect(metered).toEqual(HOMES);
    const lines = RECORDS.flatMap((r) => (r.type === 'line' ? [r.line.participant] : []));
    expect(lines).not.toContain(FEEDER);
  });

  it('does not depend on the order of its inputs', () => {
    const turned = Object.fromEntries(
      Object.entries(INPUTS).map(([key, value]) => [key, Array.isArray(value) ? value.toReversed() : value]),
    ) as unknown as SlotInputs;
    expect(canonicalJson(buildSlotRecords(turned))).toBe(canonicalJson(RECORDS));
  });

  it('refuses an estimate of another slot', () => {
    const estimates = INPUTS.estimates.map((estimate) => ({ ...estimate, slot: '2026-06-01T12:15:00Z' }));
    expect(() => buildSlotRecords({ ...INPUTS, estimates })).toThrow(
      expect.objectContaining({ code: 'conflict' }),
    );
  });
});

describe('rebuildRecords', () => {
  it('rebuilds a published slot from its inputs alone', () => {
    const published = JSON.parse(canonicalJson(RECORDS)) as BundleRecord[];
    const { records, problems } = rebuildRecords(published);
    expect(problems).toEqual([]);
    expect(canonicalJson(records)).toBe(canonicalJson(published));
  });

  it('ignores what the derived records say', () => {
    const inputs = RECORDS.filter(({ type }) => !DERIVED.has(type));
    expect(rebuildRecords(inputs)).toEqual({ records: RECORDS, problems: [] });
  });

  it('shows any changed leaf of any record: as a problem with that record, or as a rebuilt record that differs', () => {
    fc.assert(
      fc.property(fc.nat(RECORDS.length - 1), fc.nat(), (index, place) => {
        const records = copy();
        const isInput = !DERIVED.has(records[index]?.type ?? '');
        tamper(records[index], place);
        const { records: rebuilt, problems } = rebuildRecords(records);
        const differs = canonicalJson(rebuilt[index] ?? null) !== canonicalJson(records[index]);
        const flagged = problems.some((problem) => problem.index === index);
        // An unsigned input that stays well-formed is what the root on chain is for.
        const isUnsigned = ['rules', 'participant', 'estimate', 'true-up', 'carry'].includes(
          records[index]?.type ?? '',
        );
        expect(flagged || (differs && !isInput) || isUnsigned).toBe(true);
      }),
      { numRuns: 400 },
    );
  });

  const change = <T extends BundleRecord['type']>(
    type: T,
    nth: number,
    edit: (record: Extract<BundleRecord, { type: T }>) => unknown,
  ): { records: BundleRecord[]; index: number } => {
    const records = copy();
    const index = records.findIndex((record) => record.type === type) + nth;
    records[index] = edit(records[index] as Extract<BundleRecord, { type: T }>) as BundleRecord;
    return { records, index };
  };
  const resigned = <T extends object>(signed: Signed<T>, changes: Partial<T>, signer: string): Signed<T> =>
    signerOf(signer).sign({ ...signed.payload, ...changes });

  it.each([
    [
      'an order changed after signing',
      change('order', 0, (r) => ({
        ...r,
        order: { ...r.order, payload: { ...r.order.payload, energyWh: 999 } },
      })),
      /signature of order a1/,
    ],
    [
      'an order signed by another',
      change('order', 0, (r) => ({ ...r, order: resigned(r.order, {}, 'bob') })),
      /another key than alice's/,
    ],
    [
      'an order of another slot',
      change('order', 0, (r) => ({
        ...r,
        order: resigned(r.order, { slot: '2026-06-01T12:15:00Z' }, 'alice'),
      })),
      /for slot 2026-06-01T12:15:00Z/,
    ],
    [
      'an order of another community',
      change('order', 0, (r) => ({ ...r, order: resigned(r.order, { community: 'other' }, 'alice') })),
      /for community other/,
    ],
    [
      'an order of nobody',
      change('order', 0, (r) => ({ ...r, order: resigned(r.order, { participant: 'zoe' }, 'zoe') })),
      /nobody who takes part/,
    ],
    [
      'an order too large',
      change('order', 0, (r) => ({ ...r, order: resigned(r.order, { energyWh: 1_000_001 }, 'alice') })),
      /at most 1000000 Wh/,
    ],
    [
      'a bid above retail',
      change('order', 0, (r) => ({ ...r, order: resigned(r.order, { priceMicroPerKwh: 250_001 }, 'alice') })),
      /at most the retail price/,
    ],
    [
      'an offer below feed-in',
      change('order', 1, (r) => ({ ...r, order: resigned(r.order, { priceMicroPerKwh: 79_999 }, 'bob') })),
      /at least the feed-in price/,
    ],
    [
      'an order with a note',
      change('order', 0, (r) => ({ ...r, order: { ...r.order, payload: { ...r.order.payload, note: 1 } } })),
      /note is no member/,
    ],
    [
      'a registration by another',
      change('gateway', 0, (r) => ({ ...r, registration: resigned(r.registration, {}, 'bob') })),
      /another key than alice's/,
    ],
    [
      'a reading changed after signing',
      change('reading', 0, (r) => ({
        ...r,
        reading: { ...r.reading, payload: { ...r.reading.payload, importWh: 1 } },
      })),
      /signature of the reading of alice/,
    ],
    [
      'a reading by another gateway',
      change('reading', 0, (r) => ({ ...r, reading: resigned(r.reading, {}, 'gw-bob') })),
      /another key than that of gateway gw-alice/,
    ],
    [
      "a reading through a neighbour's gateway",
      change('reading', 0, (r) => ({ ...r, reading: resigned(r.reading, { gateway: 'gw-bob' }, 'gw-bob') })),
      /gateway gw-bob of bob/,
    ],
    [
      'a reading of no gateway',
      change('reading', 0, (r) => ({ ...r, reading: resigned(r.reading, { gateway: 'gw-x' }, 'gw-x') })),
      /which nobody registered/,
    ],
    [
      'a reading of another slot',
      change('reading', 0, (r) => ({
        ...r,
        reading: resigned(r.reading, { slot: '2026-06-01T12:15:00Z' }, 'gw-alice'),
      })),
      /for slot/,
    ],
    [
      'a reading with a wrong clock',
      change('reading', 0, (r) => ({
        ...r,
        reading: resigned(r.reading, { clockSynchronised: false }, 'gw-alice'),
      })),
      /not synchronised/,
    ],
    [
      'a true-up changed after signing',
      change('true-up', 0, (r) => ({
        ...r,
        trueUp: { ...r.trueUp, reading: { ...r.trueUp.reading, signature: '0'.repeat(128) } },
      })),
      /signature of the reading of dave/,
    ],
    [
      'an estimate of a household with a reading',
      change('estimate', 0, (r) => ({ ...r, estimate: { ...r.estimate, participant: 'bob' } })),
      /bob is metered twice/,
    ],
    [
      'a cancel of an order in the book',
      change('cancel', 0, (r) => ({ ...r, cancel: resigned(r.cancel, { id: 'b1' }, 'bob') })),
      /taken back, yet/,
    ],
    [
      'a fund that is a household',
      change('participant', 3, (r) => ({ ...r, participant: { ...r.participant, role: 'household' } })),
      /has the role household, not fund/,
    ],
    [
      'an order of the feeder',
      change('order', 0, (r) => ({ ...r, order: resigned(r.order, { participant: FEEDER }, FEEDER) })),
      /feeder-1, which is no household/,
    ],
    [
      'a second feeder',
      change('participant', 7, (r) => ({
        ...r,
        participant: { ...r.participant, id: 'feeder-2', role: 'feeder' },
      })),
      /second feeder beside feeder-1/,
    ],
    [
      'an estimate of the feeder',
      change('estimate', 0, (r) => ({ ...r, estimate: { ...r.estimate, participant: FEEDER } })),
      /feeder-1 is estimated/,
    ],
    ['a record of no type', change('line', 0, () => ({ type: 'constructor' })), /no known type/],
    ['a record that is none', change('line', 0, () => null), /not an object/],
  ])('names the record: %s', (_, { records, index }, problem) => {
    const { problems } = rebuildRecords(records);
    expect(problems).toContainEqual({ index, problem: expect.stringMatching(problem) });
  });

  it('names the household that has no reading', () => {
    const records = RECORDS.filter((r) => r.type !== 'estimate' || r.estimate.participant !== 'carol');
    const index = records.findIndex((r) => r.type === 'participant' && r.participant.id === 'carol');
    expect(rebuildRecords(records).problems).toContainEqual({
      index,
      problem: 'carol has neither a reading nor an estimate',
    });
  });

  it('names an order twice in the book', () => {
    const records = copy();
    const index = records.findIndex((record) => record.type === 'order');
    records.splice(index, 0, structuredClone(records[index] as BundleRecord));
    const { records: rebuilt, problems } = rebuildRecords(records);
    expect(rebuilt).toEqual([]);
    expect(problems).toContainEqual({
      index: index + 1,
      problem: expect.stringMatching(/unique within a book/),
    });
  });

  it('names an order more than a participant may have', () => {
    const { records, index } = change('rules', 0, (r) => ({
      ...r,
      rules: { ...r.rules, ordersMaxPerParticipant: 0 },
    }));
    expect(index).toBe(0);
    expect(rebuildRecords(records).problems).toContainEqual({
      index: records.findIndex((record) => record.type === 'order'),
      problem: 'order a1 is one more than alice may have',
    });
  });

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.array(fc.anything()), (records) => {
        expect(rebuildRecords(records as BundleRecord[]).problems.length).toBeGreaterThan(0);
      }),
    );
    for (const nonsense of [null, undefined, 7, 'x', {}]) {
      expect(rebuildRecords(nonsense as never)).toMatchObject({ records: [] });
    }
  });
});

/** Changes one leaf: a number by one, the last letter of a text, a truth value, null to 0. */
function tamper(node: unknown, place: number): void {
  const changes: (() => void)[] = [];
  const visit = (node: Record<string, unknown>): void => {
    for (const [key, value] of Object.entries(node)) {
      if (typeof value === 'object' && value !== null) visit(value as Record<string, unknown>);
      if (typeof value === 'number') changes.push(() => (node[key] = value + 1));
      if (typeof value === 'boolean') changes.push(() => (node[key] = !value));
      if (typeof value === 'string')
        changes.push(() => (node[key] = value.slice(0, -1) + (value.endsWith('0') ? '1' : '0')));
      if (value === null) changes.push(() => (node[key] = 0));
    }
  };
  visit(node as Record<string, unknown>);
  changes[place % changes.length]?.();
}
