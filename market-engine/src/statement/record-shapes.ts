import { isId, slotStartMs, type BundleRecord } from '@commonwatt/domain';
import { ENERGY_WH_MAX, ENERGY_WH_MIN, PRICE_MICRO_PER_KWH_MAX } from '../auction/book-rules.ts';
import { MECHANISMS } from '../auction/mechanisms.ts';
import { list, nullable, object, oneOf, text, truth, whole, type Shape } from './shape.ts';
import { METERED_WH_MAX } from './statement-input.ts';

const id = text('an id', isId);
const key = text('a key of 64 hex digits', (value) => /^[0-9a-f]{64}$/.test(value));
const signature = text('a signature of 128 hex digits', (value) => /^[0-9a-f]{128}$/.test(value));
const slot = text('a slot', isSlot);
const price = whole(0, PRICE_MICRO_PER_KWH_MAX);
const energyWh = whole(0, METERED_WH_MAX);
const counterWh = whole(0);
const amount = text('an amount', (value) => /^\d{1,30}$/.test(value));
const words = text('a text', (value) => value.length <= 1000);

const rules = object(
  {
    community: id,
    slotMinutes: oneOf(15, 30, 60),
    mechanism: oneOf(...Object.keys(MECHANISMS)),
    kPercent: whole(0, 100),
    retailMicroPerKwh: price,
    feedInMicroPerKwh: price,
    networkFeeMicroPerKwh: price,
    levyMicroPerKwh: price,
    gateClosureMs: whole(0),
    openSlotsAhead: whole(0),
    meteringDeadlineMs: whole(0),
    trueUpLimitMs: whole(0),
    ordersMaxPerParticipant: whole(0),
    orderEnergyWhMax: whole(0),
    feederLossPermille: whole(0, 1000),
    feederLossW: whole(0, 1_000_000),
    feederToleranceWh: whole(0, 1_000_000),
  },
  ['feederLossPermille', 'feederLossW', 'feederToleranceWh'],
);

const participant = object(
  { id, accountKey: key, agentKey: key, role: oneOf('household', 'supplier', 'fund', 'feeder', 'former') },
  ['agentKey'],
);

const registry = object({
  blockNumber: whole(0),
  blockHash: text('a block hash', (value) => /^0x[0-9a-f]{64}$/.test(value)),
});

const registration = object({
  type: oneOf('gateway'),
  community: id,
  participant: id,
  gateway: id,
  gatewayKey: key,
});

const order = object({
  type: oneOf('order'),
  community: id,
  slot,
  id,
  participant: id,
  side: oneOf('bid', 'offer'),
  energyWh: whole(ENERGY_WH_MIN, ENERGY_WH_MAX),
  priceMicroPerKwh: price,
  revision: whole(0),
});

const cancel = object({
  type: oneOf('cancel'),
  community: id,
  slot,
  id,
  participant: id,
  revision: whole(0),
});

const reading = object({
  type: oneOf('reading'),
  community: id,
  gateway: id,
  participant: id,
  slot,
  sequence: whole(0),
  previousHash: key,
  importWh: energyWh,
  exportWh: energyWh,
  importCounterWh: counterWh,
  exportCounterWh: counterWh,
  epoch: whole(0),
  pvWh: nullable(counterWh),
  batteryChargedWh: nullable(counterWh),
  batteryDischargedWh: nullable(counterWh),
  stateOfChargePermille: nullable(whole(0)),
  flags: list(oneOf('stale', 'nonsense', 'reset', 'jump', 'replaced', 'interpolated', 'clock', 'partial')),
  deviceTimeMs: nullable(whole(0)),
  gatewayTimeMs: whole(0),
  clockSynchronised: truth,
});

const estimate = object({ participant: id, slot, importWh: energyWh, exportWh: energyWh, basis: words });

const carry = object({
  debtor: id,
  batchId: id,
  amountMicro: amount,
  claims: list(object({ participant: id, batchId: id, amountMicro: amount })),
});

/** Derived records are compared whole, so any shape will do. */
const derived: Shape = () => undefined;

const SHAPES: Readonly<Record<BundleRecord['type'], Shape>> = {
  rules: object({ type: oneOf('rules'), slot, rules }),
  registry: object({ type: oneOf('registry'), registry }),
  participant: object({ type: oneOf('participant'), participant }),
  gateway: object({ type: oneOf('gateway'), registration: signed(registration) }),
  order: object({ type: oneOf('order'), order: signed(order) }),
  cancel: object({ type: oneOf('cancel'), cancel: signed(cancel) }),
  reading: object({ type: oneOf('reading'), reading: signed(reading) }),
  estimate: object({ type: oneOf('estimate'), estimate }),
  'true-up': object({
    type: oneOf('true-up'),
    trueUp: object(
      {
        estimate,
        reading: signed(reading),
        tradedWh: whole(Number.MIN_SAFE_INTEGER),
        registration: signed(registration),
      },
      ['tradedWh', 'registration'],
    ),
  }),
  carry: object({ type: oneOf('carry'), carry }),
  clearing: derived,
  position: derived,
  line: derived,
  feeder: derived,
};

/** What is wrong with the form of a record, or nothing. Input records must have exactly the members they are defined with. */
export function recordProblem(record: unknown): string | undefined {
  if (typeof record !== 'object' || record === null) return 'the record is not an object';
  const type = (record as { type?: unknown }).type;
  if (typeof type !== 'string' || !Object.hasOwn(SHAPES, type)) return 'the record has no known type';
  return SHAPES[type as BundleRecord['type']](record, type);
}

function signed(payload: Shape): Shape {
  return object({ payload, key, signature });
}

function isSlot(value: string): boolean {
  try {
    slotStartMs(value);
    return true;
  } catch {
    return false;
  }
}
