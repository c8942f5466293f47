import {
  COMMUNITY_FUND,
  DEFAULT_RULES,
  SUPPLIER,
  type GatewayRegistration,
  type MarketRules,
  type Participant,
  type Signed,
  type Signer,
  type SlotMinutes,
} from '@commonwatt/domain';

export interface Community {
  readonly rules: MarketRules;
  readonly participants: readonly Participant[];
  readonly gateways: readonly Signed<GatewayRegistration>[];
  /** Key of every participant by id; its public key is the account on chain. */
  readonly signers: ReadonlyMap<string, Signer>;
  gatewaySigner(home: string): Signer;
}

export function gatewayOf(home: string): string {
  return `gw-${home}`;
}

/** Households, supplier and fund with their accounts, and every gateway registered by its household's own key. */
export function formCommunity(options: {
  community: string;
  homes: readonly string[];
  slotMinutes: SlotMinutes;
  signer: (role: string) => Signer;
}): Community {
  const { community, homes, slotMinutes, signer } = options;
  const signers = new Map<string, Signer>();
  const participants: Participant[] = [];
  const add = (id: string, role: Participant['role']): void => {
    const key = signer(`participant:${id}`);
    signers.set(id, key);
    participants.push({ id, accountKey: key.publicKey, role });
  };
  for (const home of homes) add(home, 'household');
  add(SUPPLIER, 'supplier');
  add(COMMUNITY_FUND, 'fund');
  const gatewaySigner = (home: string): Signer => signer(`gateway:${gatewayOf(home)}`);
  const gateways = homes.map((home) => {
    const registration: GatewayRegistration = {
      type: 'gateway',
      community,
      participant: home,
      gateway: gatewayOf(home),
      gatewayKey: gatewaySigner(home).publicKey,
    };
    return (signers.get(home) as Signer).sign(registration);
  });
  return {
    rules: { community, ...DEFAULT_RULES, slotMinutes },
    participants,
    gateways,
    signers,
    gatewaySigner,
  };
}
