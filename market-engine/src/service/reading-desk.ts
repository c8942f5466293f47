import { CommonwattError, type MeterReading, type SlotId } from '@commonwatt/domain';
import { ReadingChains, type ChainNote } from '../ingest/chain-of-readings.ts';
import { readReading } from '../ingest/shape.ts';
import { feederOf } from '../feeder/check.ts';
import {
  checkAgainstTaken,
  checkPlausible,
  CONNECTION_POWER_W_MAX,
  FEEDER_POWER_W_MAX,
} from '../ingest/slot-readings.ts';
import type { Decision } from '../journal/rows.ts';
import type { DeskDependencies } from './order-desk.ts';
import type { ReadingTaken } from './ports.ts';
import type { SlotDetail } from './slot-detail.ts';

const CHAIN_TROUBLE: Record<ChainNote, string> = {
  sound: 'is sound',
  gap: 'follows one that is missing',
  broken: 'follows another one than was taken',
  counter: 'does not add up with the counters before it',
};

/** Takes readings, exactly once by gateway, slot and sequence. */
export class ReadingDesk {
  readonly #deps: DeskDependencies;
  readonly #log: (line: string) => void;
  readonly #chains = new ReadingChains();

  constructor(deps: DeskDependencies, log: (line: string) => void) {
    this.#deps = deps;
    this.#log = log;
  }

  /** The reading itself, and what became of it. */
  async reading(value: unknown): Promise<{ readonly reading: MeterReading; readonly taken: ReadingTaken }> {
    const { memory, shell, members, times, intakes } = this.#deps;
    const signed = readReading(value);
    const { payload } = signed;
    const { gateway, slot, sequence } = payload;
    const record = `${gateway} ${sequence}`;
    intakes.checkCommunity(payload.community, record);
    const who = members.whoIn(slot);
    who.gatewayWithKey(gateway, payload.participant, signed.key);
    times.checkReadingTime(payload, record);
    await intakes.checkSignature(signed, record);
    const detail = memory.detail(slot);
    let use: ReadingTaken['use'] = 'counted';
    await intakes.take(
      { type: 'reading', signed },
      () => {
        checkAgainstTaken(signed, detail.readings.taken(gateway, sequence));
        const atFeeder = feederOf(who.participants) === payload.participant;
        checkPlausible(payload, detail.rules, atFeeder ? FEEDER_POWER_W_MAX : CONNECTION_POWER_W_MAX);
        use = useOf(payload, detail, atFeeder);
      },
      () => (use === 'true-up' ? lateRows(payload, detail) : []),
    );
    const chain = this.#chains.note(signed);
    if (chain !== 'sound') this.#log(`reading ${sequence} of ${gateway} for ${slot} ${CHAIN_TROUBLE[chain]}`);
    shell.readingTaken(slot);
    return { reading: payload, taken: { gateway, slot, sequence, chain, use } };
  }

  /** After a restart: the chains go on from the readings that are at hand. */
  remember(slots: readonly SlotId[]): void {
    for (const slot of slots) {
      for (const { row } of this.#deps.memory.journal.intakeOf(slot)) {
        if (row.type === 'reading') this.#chains.note(row.signed);
      }
    }
  }
}

/** What a new reading is good for. Throws `conflict` when its slot needs it no more. */
function useOf(payload: MeterReading, detail: SlotDetail, atFeeder: boolean): ReadingTaken['use'] {
  const { participant, slot, clockSynchronised } = payload;
  const record = `${payload.gateway} ${payload.sequence}`;
  const other = detail.readings.usable().get(participant)?.payload;
  if (other !== undefined && other.gateway !== payload.gateway) {
    throw new CommonwattError('conflict', `${other.gateway} has already read ${slot} for ${participant}`, {
      record,
      field: 'payload.gateway',
      rule: 'one gateway reads a connection point in a slot',
    });
  }
  if (!clockSynchronised) return 'noted';
  if (detail.fixed === null) return 'counted';
  // Nothing is settled on it, so there is nothing to correct: the slot's check stays unknown.
  if (atFeeder) return 'noted';
  if (
    detail.late.has(participant) ||
    !detail.fixed.estimates.some((one) => one.participant === participant)
  ) {
    throw new CommonwattError('conflict', `${slot} has its reading of ${participant} already`, {
      record,
      field: 'payload.slot',
      rule: 'a reading is corrected until the metering deadline',
    });
  }
  return 'true-up';
}

/** A reading that came after its slot was fixed on an estimate is to be trued up. */
function lateRows({ participant, gateway, slot, sequence }: MeterReading, detail: SlotDetail): Decision[] {
  const estimate = detail.fixed?.estimates.find((one) => one.participant === participant);
  return estimate === undefined
    ? []
    : [
        {
          type: 'late',
          slot,
          estimate,
          reading: { gateway, slot, sequence },
          tradedWh: tradedBy(participant, detail),
        },
      ];
}

/** Sold minus bought in a slot that is cleared, Wh. */
function tradedBy(participant: string, { clearing }: SlotDetail): number {
  let tradedWh = 0;
  for (const { seller, buyer, energyWh } of clearing?.trades ?? []) {
    if (seller === participant) tradedWh += energyWh;
    if (buyer === participant) tradedWh -= energyWh;
  }
  return tradedWh;
}
