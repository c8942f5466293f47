import { signatureHolds, type GatewayRegistration, type Signed, type Signer } from '@commonwatt/domain';

/**
 * Who puts a key into the registry shows that its holder agrees: the key signs for whom it is. Without that anybody could register
 * somebody else's key as its own.
 */

/** Signed with an agent key: it signs for this participant and account. */
export interface AgentConsent {
  readonly type: 'agent-key';
  readonly community: string;
  readonly participant: string;
  readonly accountKey: string;
}

/** Signed with a gateway's key: it reads for this participant and account. */
export interface GatewayConsent {
  readonly type: 'gateway-key';
  readonly community: string;
  readonly participant: string;
  readonly accountKey: string;
}

/** A key and its consent, as a gateway's box hands it over: hex, 64 and 128 digits. */
export interface KeyWithProof {
  readonly key: string;
  readonly proof: string;
}

export function agentConsent(agent: Signer, terms: Omit<AgentConsent, 'type'>): KeyWithProof {
  const { key, signature } = agent.sign<AgentConsent>({ type: 'agent-key', ...pick(terms) });
  return { key, proof: signature };
}

export function gatewayConsent(gateway: Signer, terms: Omit<GatewayConsent, 'type'>): KeyWithProof {
  const { key, signature } = gateway.sign<GatewayConsent>({ type: 'gateway-key', ...pick(terms) });
  return { key, proof: signature };
}

export function consentHolds(
  type: 'agent-key' | 'gateway-key',
  { key, proof }: KeyWithProof,
  terms: Omit<AgentConsent, 'type'>,
): boolean {
  return signatureHolds({ payload: { type, ...pick(terms) }, key, signature: proof });
}

/** What the participant signs with its agent key for a gateway; the bundle's `gateway` record. */
export function signRegistration(
  agent: Signer,
  terms: Omit<GatewayRegistration, 'type'>,
): Signed<GatewayRegistration> {
  const { community, participant, gateway, gatewayKey } = terms;
  return agent.sign<GatewayRegistration>({ type: 'gateway', community, participant, gateway, gatewayKey });
}

function pick({
  community,
  participant,
  accountKey,
}: Omit<AgentConsent, 'type'>): Omit<AgentConsent, 'type'> {
  return { community, participant, accountKey };
}
