import { createHash } from 'node:crypto';
import {
  slotAfter,
  signerFromSeed,
  type BundleRecord,
  type Participant,
  type Signer,
  type SlotId,
  type SlotToSettle,
} from '@commonwatt/domain';

/** Made-up slots for tests and benches: participants and statement lines that sum to zero. */
export interface Member {
  readonly participant: Participant;
  readonly signer: Signer;
}

export function signerNamed(name: string): Signer {
  return signerFromSeed(createHash('sha256').update(name).digest());
}

export function members(homes: number): Member[] {
  const make = (id: string, role: Participant['role']): Member => {
    const signer = signerNamed(`sample ${id}`);
    return { participant: { id, accountKey: signer.publicKey, role }, signer };
  };
  return [
    ...Array.from({ length: homes }, (_, index) =>
      make(`home-${String(index + 1).padStart(2, '0')}`, 'household'),
    ),
    make('supplier', 'supplier'),
    make('community-fund', 'fund'),
  ];
}

export function slotsFrom(first: SlotId, count: number): SlotId[] {
  return Array.from({ length: count }, (_, index) => slotAfter(first, 15, index));
}

/** A small generator with a seed, so that a failing run can be run again. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** A slot in which members pay each other random nano amounts below `maxNano`. */
export function sampleSlot(
  slot: SlotId,
  people: readonly Member[],
  random: (below: number) => number,
  maxNano = 2_000_000,
): SlotToSettle {
  const records: BundleRecord[] = people.map(({ participant }) => ({ type: 'participant', participant }));
  for (let index = 0; index + 1 < people.length; index += 2) {
    const amountNano = random(maxNano);
    const [payer, receiver] = random(2) === 0 ? [index, index + 1] : [index + 1, index];
    const energyWh = random(1000);
    records.push(line(people[payer]!.participant.id, 'bought', -energyWh, -amountNano));
    records.push(line(people[receiver]!.participant.id, 'sold', energyWh, amountNano));
  }
  return { slot, records };
}

function line(
  participant: string,
  reason: 'bought' | 'sold',
  energyWh: number,
  amountNano: number,
): BundleRecord {
  return {
    type: 'line',
    line: {
      participant,
      reason,
      energyWh: Object.is(energyWh, -0) ? 0 : energyWh,
      priceMicroPerKwh: 100_000,
      amountNano: String(BigInt(amountNano)),
      text: `${reason} ${energyWh} Wh`,
    },
  };
}
