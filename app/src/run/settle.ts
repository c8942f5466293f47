import type { SlotId } from '@commonwatt/domain';
import {
  bootstrapCommunity,
  openSettlement,
  registrationCost,
  type CommunityChain,
  type RegistryOnChain,
  type Settlement,
} from '@commonwatt/substrate-client';
import { openRunChain, type PublicChain, type RunChain } from './chain.ts';
import type { Closing } from './closing.ts';
import type { Community } from './community.ts';
import { registerHomes, registrationOf } from './registry.ts';
import type { State } from './state.ts';

const PERIOD_SLOTS = 4;

export interface SettlementSide extends RunChain {
  readonly settlement: Settlement;
  readonly communityChain: CommunityChain;
  /** Who takes part, as the chain said when all of this was there. */
  readonly registry: RegistryOnChain;
}

/** The chain, the community on it, and settlement with everything that an earlier run left open taken up again. */
export async function startSettlement(
  options: {
    state: State;
    community: Community;
    firstSlot: SlotId;
    publicChain: PublicChain | null;
    say: (line: string) => void;
  },
  closing: Closing,
): Promise<SettlementSide> {
  const { state, community, say } = options;
  const place = await openRunChain(options, closing);
  const { chain, assetId, dev } = place;
  const registration = registrationOf({
    community,
    state,
    settlementKey: state.settlement.publicKey,
    assetId,
  });
  const communityChain = await bootstrapCommunity({
    chain,
    community: state.community,
    treasury: state.settlement,
    participants: community.members,
    assetId,
    balanceMicro: place.balanceMicro,
    approvalMicro: place.balanceMicro,
    dev,
    extraNative: (blockHash) => registrationCost({ ...registration, chain }, blockHash),
    onProgress: (text: string) => say(`chain: ${text}`),
  });
  const registry = await registerHomes(registration, { chain, dev, say });
  const settlement = await openSettlement({
    chain: communityChain,
    ledgerPath: state.path('settlement.sqlite'),
    bundleDir: state.path('bundles'),
    periodSlots: PERIOD_SLOTS,
    slotMinutes: state.identity.slotMinutes,
    log: say,
  });
  closing.add('settlement', () => settlement.stop());
  settlement.expectFrom(options.firstSlot);
  await settlement.reconcile();
  return { ...place, settlement, communityChain, registry };
}
