import {
  DEFAULT_RULES,
  signerFromSeed,
  type Carry,
  type Clearing,
  type Estimate,
  type GatewayRegistration,
  type MarketRules,
  type MechanismName,
  type MeterReading,
  type Order,
  type OrderPayload,
  type Participant,
  type Signed,
  type Signer,
  type TrueUp,
} from '@commonwatt/domain';
import fc from 'fast-check';
import { arbitraryBook, SLOT } from '../auction/books.fixture.ts';
import { freezeBook } from '../auction/freeze-book.ts';
import { clearBook } from '../auction/mechanisms.ts';
import type { Metered, StatementInput } from './statement-input.ts';

export const COMMUNITY = 'commonwatt-test';
export const EARLIER_SLOT = '2026-06-01T11:00:00Z';
export const RULES: MarketRules = { ...DEFAULT_RULES, community: COMMUNITY };

/** Always the same signer for a name. */
export function signerOf(name: string): Signer {
  const seed = new Uint8Array(32);
  seed.set(Buffer.from(name).subarray(0, 32));
  const signer = signers.get(name) ?? signerFromSeed(seed);
  signers.set(name, signer);
  return signer;
}

const signers = new Map<string, Signer>();

export const FEEDER = 'feeder-1';

export function participantsOf(households: readonly string[], feeder?: string): Participant[] {
  const all = [
    ...(feeder === undefined ? [] : [{ id: feeder, role: 'feeder' as const }]),
    ...households.map((id) => ({ id, role: 'household' as const })),
    { id: 'supplier', role: 'supplier' as const },
    { id: 'community-fund', role: 'fund' as const },
  ];
  return all.map(({ id, role }) => ({ id, role, accountKey: signerOf(id).publicKey }));
}

export function signedOrder(order: Order, changes: Partial<OrderPayload> = {}): Signed<OrderPayload> {
  const payload: OrderPayload = {
    type: 'order',
    community: COMMUNITY,
    slot: SLOT,
    revision: 0,
    ...order,
    ...changes,
  };
  return signerOf(order.participant).sign(payload);
}

export function registrationOf(participant: string): Signed<GatewayRegistration> {
  const gateway = `gw-${participant}`;
  const gatewayKey = signerOf(gateway).publicKey;
  return signerOf(participant).sign({
    type: 'gateway',
    community: COMMUNITY,
    participant,
    gateway,
    gatewayKey,
  });
}

export function signedReading(
  participant: string,
  importWh: number,
  exportWh: number,
  changes: Partial<MeterReading> = {},
): Signed<MeterReading> {
  const gateway = `gw-${participant}`;
  const payload: MeterReading = {
    type: 'reading',
    community: COMMUNITY,
    gateway,
    participant,
    slot: SLOT,
    sequence: 0,
    previousHash: '0'.repeat(64),
    importWh,
    exportWh,
    importCounterWh: importWh,
    exportCounterWh: exportWh,
    epoch: 0,
    pvWh: null,
    batteryChargedWh: null,
    batteryDischargedWh: null,
    stateOfChargePermille: null,
    flags: [],
    deviceTimeMs: null,
    gatewayTimeMs: 0,
    clockSynchronised: true,
    ...changes,
  };
  return signerOf(gateway).sign(payload);
}

export function trueUpOf(
  participant: string,
  estimated: readonly [importWh: number, exportWh: number],
  read: readonly [importWh: number, exportWh: number],
  tradedWh?: number,
): TrueUp {
  const estimate: Estimate = {
    participant,
    slot: EARLIER_SLOT,
    importWh: estimated[0],
    exportWh: estimated[1],
    basis: 'forecast',
  };
  const reading = signedReading(participant, ...read, { slot: EARLIER_SLOT });
  return { estimate, reading, ...(tradedWh === undefined ? {} : { tradedWh }) };
}

/** A clearing of bids and offers that trade, by household: `{ bob: ['offer', 800, 100000] }`. */
export function clearingOf(
  orders: Readonly<Record<string, readonly [side: 'bid' | 'offer', energyWh: number, price: number]>>,
  mechanism: MechanismName = 'uniform',
): Clearing {
  const list = Object.entries(orders).map(([participant, [side, energyWh, priceMicroPerKwh]]) => ({
    id: `o-${participant}`,
    participant,
    side,
    energyWh,
    priceMicroPerKwh,
  }));
  return clearBook(freezeBook({ slot: SLOT, kPercent: 50, orders: list }), mechanism);
}

const energyWh = fc.integer({ min: 0, max: 20_000 });
const price = fc.integer({ min: 0, max: 400_000 });

/** Statement inputs of every kind: any mechanism, prices and fees, estimates, true-ups, debts. */
export const arbitraryInput: fc.Arbitrary<StatementInput> = fc
  .record({
    book: arbitraryBook({ ordersMax: 12, energyWhMax: 5000, priceMax: 170_000 }),
    mechanism: fc.constantFrom<MechanismName>('uniform', 'pay-as-bid', 'mcafee'),
    feedIn: price,
    spread: fc.integer({ min: 170_000, max: 500_000 }),
    fees: fc.tuple(fc.constantFrom(0, 12_345), fc.constantFrom(0, 7_001)),
    energies: fc.array(fc.tuple(energyWh, energyWh, fc.boolean()), { minLength: 12, maxLength: 12 }),
    late: fc.array(fc.tuple(energyWh, energyWh, energyWh, energyWh, fc.integer({ min: -9000, max: 9000 })), {
      maxLength: 3,
    }),
    debts: fc.array(
      fc.tuple(fc.bigInt(1n, 10n ** 12n), fc.array(fc.bigInt(0n, 10n ** 12n), { maxLength: 3 })),
      {
        maxLength: 2,
      },
    ),
  })
  .map(({ book, mechanism, feedIn, spread, fees, energies, late, debts }) => {
    const orders = book.orders.map((order) => ({
      ...order,
      priceMicroPerKwh: order.priceMicroPerKwh + feedIn,
    }));
    const households = ['bid', 'offer'].flatMap((side) =>
      Array.from({ length: 6 }, (_, n) => `${side}der-${n}`),
    );
    const trueUps = late.map(([a, b, c, d, traded], n) =>
      trueUpOf(households[n] as string, [a, b], [c, d], traded),
    );
    const carries = debts.map(([amount, claims], n): Carry => ({
      debtor: households[n] as string,
      batchId: `b${n}`,
      amountMicro: String(amount),
      claims: claims.map((claim, at) => ({
        participant: households[6 + at] as string,
        batchId: `a${at}`,
        amountMicro: String(claim),
      })),
    }));
    return {
      rules: {
        ...RULES,
        mechanism,
        feedInMicroPerKwh: feedIn,
        retailMicroPerKwh: feedIn + spread,
        networkFeeMicroPerKwh: fees[0],
        levyMicroPerKwh: fees[1],
      },
      slot: SLOT,
      participants: participantsOf(households),
      clearing: clearBook(freezeBook({ ...book, orders }), mechanism),
      metered: households.map((participant, n): Metered => {
        const [importWh, exportWh, read] = energies[n] as [number, number, boolean];
        return { participant, importWh, exportWh, source: read ? 'reading' : 'estimate' };
      }),
      trueUps,
      carries,
    };
  });
