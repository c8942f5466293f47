import type { SlotId } from '@commonwatt/domain';
import { rebuildRecords } from '@commonwatt/market-engine';
import {
  bootstrapCommunity,
  multisigKey,
  openCosigner,
  openSettlement,
  registrationCost,
  signatoryChain,
  type CommunityChain,
  type RegistryOnChain,
  type Settlement,
} from '@commonwatt/substrate-client';
import { openRunChain, type PublicChain, type RunChain } from './chain.ts';
import type { Closing } from './closing.ts';
import type { Community } from './community.ts';
import { openCosignTerms, type CosignTerms } from './cosigners.ts';
import { faucetMember } from './faucet.ts';
import { registerHomes, registrationOf } from './registry.ts';
import type { State } from './state.ts';

export const PERIOD_SLOTS = 4;
const OWN_POLL_MS = 200;

export interface SettlementSide extends RunChain {
  readonly settlement: Settlement;
  readonly communityChain: CommunityChain;
  /** Who takes part, as the chain said when all of this was there. */
  readonly registry: RegistryOnChain;
  /** The multisig's terms; null when a single key settles. */
  readonly terms: CosignTerms | null;
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
  const { cosigners } = state.identity;
  const common = { community: state.community, assetId };
  const terms =
    cosigners === undefined ? null : await openCosignTerms(state.dir, state.settlement, cosigners, common);
  const registration = registrationOf({
    community,
    state,
    settlementKey: terms === null ? state.settlement.publicKey : multisigKey(terms),
    assetId,
  });
  const bootstrapped = await bootstrapCommunity({
    chain,
    ...(terms === null ? {} : { multisig: terms }),
    community: state.community,
    treasury: state.settlement,
    participants: [...community.members, ...(dev ? [faucetMember(state)] : [])],
    assetId,
    balanceMicro: place.balanceMicro,
    approvalMicro: place.balanceMicro,
    dev,
    extraNative: (blockHash) => registrationCost({ ...registration, chain }, blockHash),
    onProgress: (text: string) => say(`chain: ${text}`),
  });
  const signatory =
    terms === null ? null : signatoryChain({ chain, ...common, terms, signer: state.settlement, dev });
  const communityChain = signatory ?? bootstrapped;
  const registry = await registerHomes(registration, { chain, dev, say });
  const settlement = await openSettlement({
    chain: communityChain,
    ...(signatory === null ? {} : { signatory }),
    ledgerPath: state.path('settlement.sqlite'),
    bundleDir: state.path('bundles'),
    periodSlots: PERIOD_SLOTS,
    slotMinutes: state.identity.slotMinutes,
    log: say,
  });
  closing.add('settlement', () => settlement.stop());
  if (signatory !== null && settlement.desk !== null) {
    // This node approves what it has made itself; the others are processes of their own.
    const own = openCosigner({
      chain: signatory,
      signer: state.settlement,
      ledgerPath: state.path('cosigners', 'own.sqlite'),
      sources: [settlement.desk],
      rebuild: rebuildRecords,
      agreed: () => ({ refresh: async () => {}, check: async () => [] }),
      trusting: true,
      log: (line) => say(`cosigner 1: ${line}`),
      pollMs: OWN_POLL_MS,
    });
    closing.add("the market's own signature", () => own.stop());
  }
  settlement.expectFrom(options.firstSlot);
  await settlement.reconcile();
  return { ...place, settlement, communityChain, registry, terms };
}
