import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DEFAULT_RULES,
  canonicalJson,
  sha256Hex,
  signerFromSeed,
  type BundleRecord,
  type CancelPayload,
  type Clock,
  type GatewayRegistration,
  type MarketRules,
  type MeterReading,
  type OrderPayload,
  type Participant,
  type SettlementReceipt,
  type Signed,
  type Signer,
  type SlotId,
  type SlotToSettle,
} from '@commonwatt/domain';
import type { MarketOptions, SettlementPort } from './ports.ts';

/** Helpers for this folder's tests: a small community, a clock by hand, a settlement that remembers. */

/** Processes die in these tests, the machine does not: where there is a disk in memory, its fsync costs nothing. */
const TEST_DISK = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export const COMMUNITY = 'commonwatt-test';
export const SLOT: SlotId = '2026-06-01T12:00:00Z';
export const RULES: MarketRules = { ...DEFAULT_RULES, community: COMMUNITY };

export class HandClock implements Clock {
  #nowMs: number;
  readonly #waiting = new Set<{ readonly atMs: number; readonly resolve: () => void }>();

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  waitUntil(atMs: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    if (this.#nowMs >= atMs) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter = { atMs, resolve };
      this.#waiting.add(waiter);
      signal?.addEventListener(
        'abort',
        () => {
          this.#waiting.delete(waiter);
          reject(signal.reason as Error);
        },
        { once: true },
      );
    });
  }

  /** Lets time pass to this instant and everything that waited for it run. */
  async goTo(nowMs: number): Promise<void> {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    for (const waiter of this.#waiting) {
      if (waiter.atMs > this.#nowMs) continue;
      this.#waiting.delete(waiter);
      waiter.resolve();
    }
    await settled();
  }
}

/** Lets everything that is ready run. */
export async function settled(rounds = 6): Promise<void> {
  for (let round = 0; round < rounds; round++) await new Promise((resolve) => setImmediate(resolve));
}

export interface Home {
  readonly participant: Participant;
  readonly signer: Signer;
  readonly gateway: string;
  readonly gatewaySigner: Signer;
  readonly registration: Signed<GatewayRegistration>;
}

export function makeHomes(count: number, community = COMMUNITY): Home[] {
  return Array.from({ length: count }, (_, index) => {
    const number = String(index + 1).padStart(2, '0');
    const signer = signerFromSeed(seed(index + 1));
    const gatewaySigner = signerFromSeed(seed(index + 1001));
    const id = `home-${number}`;
    const gateway = `gw-home-${number}`;
    return {
      participant: { id, accountKey: signer.publicKey, role: 'household' },
      signer,
      gateway,
      gatewaySigner,
      registration: signer.sign({
        type: 'gateway',
        community,
        participant: id,
        gateway,
        gatewayKey: gatewaySigner.publicKey,
      } satisfies GatewayRegistration),
    };
  });
}

/** The home with a second key for its gateway, which it has registered instead of the first. */
export function rotated(home: Home): Home {
  const gatewaySigner = signerFromSeed(Buffer.from(sha256Hex(home.gatewaySigner.publicKey), 'hex'));
  const payload = { ...home.registration.payload, gatewayKey: gatewaySigner.publicKey };
  return { ...home, gatewaySigner, registration: home.signer.sign(payload) };
}

/** The meter at the transformer, with the same helpers as a home. */
export function makeFeeder(id = 'feeder-1', number = 8001): Home {
  const signer = signerFromSeed(seed(number));
  const gatewaySigner = signerFromSeed(seed(number + 1));
  const gateway = `gw-${id}`;
  const registration = signer.sign({
    type: 'gateway',
    community: COMMUNITY,
    participant: id,
    gateway,
    gatewayKey: gatewaySigner.publicKey,
  } satisfies GatewayRegistration);
  return {
    participant: { id, accountKey: signer.publicKey, role: 'feeder' },
    signer,
    gateway,
    gatewaySigner,
    registration,
  };
}

/** The stage's options with these feeders as members. */
export function withFeeders(options: MarketOptions, ...feeders: readonly Home[]): MarketOptions {
  return {
    ...options,
    participants: [...options.participants, ...feeders.map(({ participant }) => participant)],
    gateways: [...options.gateways, ...feeders.map(({ registration }) => registration)],
  };
}

export const SUPPLIER_SEED = seed(9001);

export function others(): Participant[] {
  return [
    { id: 'supplier', accountKey: signerFromSeed(SUPPLIER_SEED).publicKey, role: 'supplier' },
    { id: 'community-fund', accountKey: signerFromSeed(seed(9002)).publicKey, role: 'fund' },
  ];
}

export function order(home: Home, part: Partial<OrderPayload> = {}): Signed<OrderPayload> {
  return home.signer.sign({
    type: 'order',
    community: COMMUNITY,
    slot: SLOT,
    id: `${home.participant.id}-1`,
    participant: home.participant.id,
    side: 'bid',
    energyWh: 1000,
    priceMicroPerKwh: 200_000,
    revision: 0,
    ...part,
  });
}

export function cancel(home: Home, part: Partial<CancelPayload> = {}): Signed<CancelPayload> {
  return home.signer.sign({
    type: 'cancel',
    community: COMMUNITY,
    slot: SLOT,
    id: `${home.participant.id}-1`,
    participant: home.participant.id,
    revision: 1,
    ...part,
  });
}

export function reading(home: Home, part: Partial<MeterReading> = {}): Signed<MeterReading> {
  return home.gatewaySigner.sign({
    type: 'reading',
    community: COMMUNITY,
    gateway: home.gateway,
    participant: home.participant.id,
    slot: SLOT,
    sequence: 0,
    previousHash: '0'.repeat(64),
    importWh: 500,
    exportWh: 0,
    importCounterWh: 500,
    exportCounterWh: 0,
    epoch: 0,
    pvWh: null,
    batteryChargedWh: null,
    batteryDischargedWh: null,
    stateOfChargePermille: null,
    flags: [],
    deviceTimeMs: null,
    gatewayTimeMs: 1_780_000_000_000,
    clockSynchronised: true,
    ...part,
  });
}

/** Settles every slot at once in a batch of its own, and notes what it was given. */
export class MemorySettlement implements SettlementPort {
  readonly settledRecords = new Map<SlotId, string>();
  calls = 0;
  /** What the next receipts say. */
  unpaid: SettlementReceipt['record']['unpaid'] = [];
  cuts: SettlementReceipt['record']['cuts'] = [];
  /** Called before each answer; throwing there makes the attempt fail. */
  before: (input: SlotToSettle, signal: AbortSignal) => Promise<void> | void = () => {};

  async settle(input: SlotToSettle, signal: AbortSignal): Promise<SettlementReceipt> {
    this.calls++;
    await this.before(input, signal);
    const root = sha256Hex(canonicalJson(input.records));
    const known = this.settledRecords.get(input.slot);
    if (known !== undefined && known !== root)
      throw new Error(`slot ${input.slot} was settled with other records`);
    this.settledRecords.set(input.slot, root);
    const batchId = `batch-${input.slot}`;
    const { unpaid, cuts } = this;
    return {
      batchId,
      slots: [input.slot],
      blockNumber: this.settledRecords.size,
      blockHash: root,
      extrinsicHash: root,
      root,
      feeNative: '0',
      record: {
        type: 'settlement',
        community: COMMUNITY,
        batchId,
        slots: [{ slot: input.slot, root }],
        nets: [],
        unpaid,
        fundCoverMicro: '0',
        cuts,
        payments: [],
      },
    };
  }
}

export interface Stage {
  readonly homes: readonly Home[];
  readonly clock: HandClock;
  readonly settlement: MemorySettlement;
  readonly options: MarketOptions;
  readonly logged: string[];
  readonly remove: () => void;
}

/** Everything that `openMarket` needs, in a folder of its own; `remove` when done. The clock starts 45 minutes before `SLOT`. */
export function makeStage(part: Partial<MarketOptions> = {}, homeCount = 4): Stage {
  const folder = mkdtempSync(join(TEST_DISK, 'commonwatt-market-'));
  const homes = makeHomes(homeCount);
  const clock = new HandClock(Date.parse(SLOT) - 45 * 60_000);
  const settlement = new MemorySettlement();
  const logged: string[] = [];
  return {
    homes,
    clock,
    settlement,
    logged,
    options: {
      rules: RULES,
      participants: [...homes.map((home) => home.participant), ...others()],
      gateways: homes.map((home) => home.registration),
      journalPath: join(folder, 'market.sqlite'),
      clock,
      firstSlot: SLOT,
      settlement,
      estimate: { estimate: () => ({ importWh: 100, exportWh: 0, basis: 'test forecast' }) },
      log: (line) => logged.push(line),
      ...part,
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** What of the records tells two runs apart. */
export function fingerprint(records: readonly BundleRecord[] | null): string {
  return canonicalJson(records);
}

function seed(number: number): Uint8Array {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}
