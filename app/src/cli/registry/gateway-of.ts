import { CommonwattError } from '@commonwatt/domain';
import { openGatewayKey } from '@commonwatt/meter-gateway';
import { consentHolds, gatewayConsent, gatewayName, type KeyWithProof } from '@commonwatt/substrate-client';

/** Options that say which gateway is registered. */
export const GATEWAY_OPTIONS = {
  name: { type: 'string' },
  gateway: { type: 'string' },
  'gateway-key': { type: 'string' },
  item: { type: 'string' },
} as const;

export const GATEWAY_HELP = `  --name NAME             the participant; left out, it is what the gateway's configuration says
  --gateway FILE          the gateway's configuration, where its box is this machine
  --gateway-key TOKEN     what \`commonwatt gateway key\` printed on the box, where it is another one
  --item N                which of the participant's gateways (default 1)`;

const TOKEN = /^([0-9a-f]{64})\.([0-9a-f]{128})$/;

/** How a box hands its key over: key and consent, in one word. */
export function tokenOf({ key, proof }: KeyWithProof): string {
  return `${key}.${proof}`;
}

export interface GivenGateway {
  readonly participant: string;
  readonly key: KeyWithProof;
}

/** The gateway's key with its consent, from its own files or from the token. Throws `malformed` or `conflict` where they do not fit. */
export function givenGateway(
  values: { readonly [K in keyof typeof GATEWAY_OPTIONS]?: string },
  place: { readonly community: string; readonly accountKey: string; readonly item: number },
): GivenGateway {
  const { community, accountKey, item } = place;
  if (values.gateway !== undefined) {
    const box = openGatewayKey(values.gateway);
    const participant = values.name ?? box.participant;
    const wrong =
      box.community !== community
        ? (['community', box.community, community] as const)
        : box.participant !== participant
          ? (['participant', box.participant, participant] as const)
          : box.gateway !== gatewayName(participant, item)
            ? (['gateway', box.gateway, gatewayName(participant, item)] as const)
            : null;
    if (wrong !== null) {
      const [field, has, needs] = wrong;
      throw new CommonwattError('conflict', `${values.gateway} says ${field}: ${has}; it must be ${needs}`, {
        record: values.gateway,
        field,
      });
    }
    return { participant, key: gatewayConsent(box.signer, { community, participant, accountKey }) };
  }
  const participant = values.name;
  if (participant === undefined)
    throw new CommonwattError('malformed', 'who takes part? Give --name', { field: 'name' });
  const [, key, proof] = TOKEN.exec(values['gateway-key'] ?? '') ?? [];
  if (key === undefined || proof === undefined) {
    throw new CommonwattError('malformed', 'which gateway? Give --gateway FILE or --gateway-key TOKEN', {
      field: 'gateway',
      remedy: 'run `commonwatt gateway key gateway.yaml --account ADDRESS` on the box',
    });
  }
  if (!consentHolds('gateway-key', { key, proof }, { community, participant, accountKey })) {
    throw new CommonwattError('bad-signature', 'the token is for another community, participant or account', {
      field: 'gateway-key',
      remedy: `make it with this community, participant: ${participant} and this account`,
    });
  }
  return { participant, key: { key, proof } };
}
