import {
  canonicalJson,
  DEFAULT_RULES,
  sha256Hex,
  signerFromSeed,
  slotAfter,
  type BundleRecord,
  type MeterReading,
  type Participant,
  type Signed,
  type Signer,
  type SlotId,
} from '@commonwatt/domain';
import { buildSlotRecords, rebuildRecords } from '@commonwatt/market-engine';

/** Slots as a real market would hand them in: signed orders and readings, cleared and stated by the rules. */
export interface GenuineCommunity {
  readonly rules: typeof DEFAULT_RULES & { readonly community: string };
  readonly members: readonly { readonly participant: Participant; readonly signer: Signer }[];
  /** The next slot, on top of the ones before. */
  next(): { slot: SlotId; records: BundleRecord[] };
}

export function keyOf(name: string): Signer {
  return signerFromSeed(Buffer.from(sha256Hex(`cosign test ${name}`), 'hex'));
}

export function genuineCommunity(community: string, homes: number, firstSlot: SlotId): GenuineCommunity {
  const rules = { ...DEFAULT_RULES, community };
  const member = (id: string, role: Participant['role']) => {
    const signer = keyOf(id);
    return { participant: { id, accountKey: signer.publicKey, role }, signer };
  };
  const households = Array.from({ length: homes }, (_, index) => member(`home-0${index + 1}`, 'household'));
  const members = [...households, member('supplier', 'supplier'), member('community-fund', 'fund')];
  const last = new Map<string, Signed<MeterReading>>();
  let slot = firstSlot;
  return {
    rules,
    members,
    next: () => {
      const here = slot;
      slot = slotAfter(slot, 15);
      const gateways = households.map(({ participant, signer }) =>
        signer.sign({
          type: 'gateway' as const,
          community,
          participant: participant.id,
          gateway: `gw-${participant.id}`,
          gatewayKey: keyOf(`gw-${participant.id}`).publicKey,
        }),
      );
      const orders = households.map(({ participant, signer }, index) =>
        signer.sign({
          type: 'order' as const,
          community,
          slot: here,
          id: `o-${here.slice(11, 16).replace(':', '')}-${index + 1}`,
          participant: participant.id,
          side: index % 2 === 0 ? ('offer' as const) : ('bid' as const),
          energyWh: 500 + index,
          priceMicroPerKwh: index % 2 === 0 ? 100_000 : 200_000,
          revision: 0,
        }),
      );
      const readings = households.map(({ participant }, index) => {
        const before = last.get(participant.id);
        const importWh = index % 2 === 0 ? 0 : 480;
        const exportWh = index % 2 === 0 ? 520 : 0;
        const signed = keyOf(`gw-${participant.id}`).sign<MeterReading>({
          type: 'reading',
          community,
          gateway: `gw-${participant.id}`,
          participant: participant.id,
          slot: here,
          sequence: (before?.payload.sequence ?? -1) + 1,
          previousHash: before === undefined ? '0'.repeat(64) : sha256Hex(canonicalJson(before)),
          importWh,
          exportWh,
          importCounterWh: (before?.payload.importCounterWh ?? 0) + importWh,
          exportCounterWh: (before?.payload.exportCounterWh ?? 0) + exportWh,
          epoch: 0,
          pvWh: null,
          batteryChargedWh: null,
          batteryDischargedWh: null,
          stateOfChargePermille: null,
          flags: [],
          deviceTimeMs: null,
          gatewayTimeMs: Date.parse(here) + 900_000,
          clockSynchronised: true,
        });
        last.set(participant.id, signed);
        return signed;
      });
      const records = buildSlotRecords({
        rules,
        slot: here,
        participants: members.map(({ participant }) => participant),
        gateways,
        orders,
        cancels: [],
        readings,
        estimates: [],
        trueUps: [],
        carries: [],
      });
      const { problems } = rebuildRecords(records);
      if (problems.length > 0)
        throw new Error(`the test's own slot does not hold: ${JSON.stringify(problems)}`);
      return { slot: here, records };
    },
  };
}
