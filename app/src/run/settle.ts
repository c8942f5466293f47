import type { SlotId } from '@commonwatt/domain';
import {
  bootstrapCommunity,
  connectChain,
  openSettlement,
  startEmbeddedChain,
  type Chain,
  type CommunityChain,
  type RegistryOnChain,
  type Settlement,
} from '@commonwatt/substrate-client';
import type { Closing } from './closing.ts';
import type { Community } from './community.ts';
import { registerHomes } from './registry.ts';
import type { State } from './state.ts';

const ASSET_ID = 1984;
/** Everyone starts with 1,000 and lets the settlement account draw as much. */
const BALANCE_MICRO = 1_000_000_000n;
const PERIOD_SLOTS = 4;

export interface SettlementSide {
  readonly endpoint: string;
  readonly chain: Chain;
  readonly settlement: Settlement;
  readonly communityChain: CommunityChain;
  /** Who takes part, as the chain said when all of this was there. */
  readonly registry: RegistryOnChain;
}

/** The chain in its own process, the community on it, and settlement with everything that an earlier run left open taken up again. */
export async function startSettlement(
  options: { state: State; community: Community; firstSlot: SlotId; say: (line: string) => void },
  closing: Closing,
): Promise<SettlementSide> {
  const { state, community, say } = options;
  const process = await startEmbeddedChain({
    dir: state.path('chain'),
    log: say,
    onProgress: (text) => say(`chain: ${text}`),
  });
  closing.add('the chain', () => process.stop());
  const chain = await connectChain({ endpoint: process.endpoint, log: say });
  closing.add('the chain connection', () => chain.close());
  const communityChain = await bootstrapCommunity({
    chain,
    community: state.community,
    treasury: state.settlement,
    participants: community.members,
    assetId: ASSET_ID,
    balanceMicro: BALANCE_MICRO,
    approvalMicro: BALANCE_MICRO,
    dev: true,
    onProgress: (text: string) => say(`chain: ${text}`),
  });
  const registry = await registerHomes({ chain, communityChain, community, state, say });
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
  return { endpoint: process.endpoint, chain, settlement, communityChain, registry };
}
