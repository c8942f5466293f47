import {
  COMMUNITY_FUND,
  CommonwattError,
  DEFAULT_RULES,
  SUPPLIER,
  type GatewayRegistration,
  type MarketRules,
  type Participant,
  type Signed,
  type Signer,
  type SlotMinutes,
} from '@commonwatt/domain';

import type { RuleChanges } from './rules.ts';

export interface Community {
  readonly rules: MarketRules;
  readonly participants: readonly Participant[];
  readonly gateways: readonly Signed<GatewayRegistration>[];
  /** Every participant with its key; the public key is the account on chain. */
  readonly members: readonly { readonly participant: Participant; readonly signer: Signer }[];
  signerOf(participant: string): Signer;
  gatewaySigner(home: string): Signer;
}

export function gatewayOf(home: string): string {
  return `gw-${home}`;
}

/** Households, supplier, fund and feeder with their accounts, and every gateway registered by its owner's own key. */
export function formCommunity(options: {
  community: string;
  homes: readonly string[];
  /** Whose meter stands at the transformer; null for none. */
  feeder: string | null;
  slotMinutes: SlotMinutes;
  signer: (role: string) => Signer;
  changes?: RuleChanges;
}): Community {
  const { community, homes, slotMinutes, signer } = options;
  const members: { participant: Participant; signer: Signer }[] = [];
  const add = (id: string, role: Participant['role']): void => {
    const key = signer(`participant:${id}`);
    members.push({ participant: { id, accountKey: key.publicKey, role }, signer: key });
  };
  for (const home of homes) add(home, 'household');
  add(SUPPLIER, 'supplier');
  add(COMMUNITY_FUND, 'fund');
  if (options.feeder !== null) add(options.feeder, 'feeder');
  const signers = new Map(members.map((member) => [member.participant.id, member.signer]));
  const signerOf = (participant: string): Signer => {
    const key = signers.get(participant);
    if (!key) throw new CommonwattError('unknown-participant', `${participant} has no key here`);
    return key;
  };
  const gatewaySigner = (home: string): Signer => signer(`gateway:${gatewayOf(home)}`);
  const metered = options.feeder === null ? homes : [...homes, options.feeder];
  const gateways = metered.map((home) => {
    const registration: GatewayRegistration = {
      type: 'gateway',
      community,
      participant: home,
      gateway: gatewayOf(home),
      gatewayKey: gatewaySigner(home).publicKey,
    };
    return signerOf(home).sign(registration);
  });
  return {
    rules: { community, ...DEFAULT_RULES, ...options.changes, slotMinutes },
    participants: members.map((member) => member.participant),
    gateways,
    members,
    signerOf,
    gatewaySigner,
  };
}
