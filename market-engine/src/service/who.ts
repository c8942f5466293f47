import {
  agentKeyOf,
  CommonwattError,
  isId,
  signatureHolds,
  type GatewayRegistration,
  type Participant,
  type Signed,
} from '@commonwatt/domain';
import { feederOf } from '../feeder/check.ts';

/** Who may sign what: participants by id and agent key, gateways by id. */
export interface Who {
  readonly participants: readonly Participant[];
  /** Throws `unknown-participant`, `bad-signature` when the key is not the participant's, or `forbidden` for who does not trade. */
  traderWithKey(id: string, key: string): Participant;
  /** Throws `unknown-gateway`, `bad-signature` (another key) or `forbidden` (another participant's gateway). */
  gatewayWithKey(gateway: string, participant: string, key: string): GatewayRegistration;
}

/** Checks the registry as a whole. Throws CommonwattError with the entry at fault. */
export function whoOf(
  community: string,
  participants: readonly Participant[],
  gateways: readonly Signed<GatewayRegistration>[],
): Who {
  const byId = new Map<string, Participant>();
  const keys = new Set<string>();
  for (const participant of participants) {
    const { id, accountKey } = participant;
    if (!isId(id)) throw wrong('malformed', String(id), 'its id is not valid');
    if (byId.has(id)) throw wrong('conflict', id, 'there is another one of this id');
    for (const key of new Set([accountKey, agentKeyOf(participant)])) {
      if (!/^[0-9a-f]{64}$/.test(key)) throw wrong('malformed', id, 'its key is not 64 hex digits');
      if (keys.has(key)) throw wrong('conflict', id, 'another participant has the same key');
      keys.add(key);
    }
    if (participant.role === 'feeder' && feederOf(participants) !== id)
      throw wrong('conflict', id, 'there is another feeder');
    byId.set(id, participant);
  }
  const byGateway = new Map<string, GatewayRegistration>();
  for (const signed of gateways) {
    const { payload } = signed;
    const { gateway } = payload;
    if (!isId(gateway)) throw wrong('malformed', String(gateway), 'its id is not valid');
    if (payload.community !== community)
      throw wrong('wrong-community', gateway, `it is registered in ${payload.community}`);
    const owner = byId.get(payload.participant);
    if (owner === undefined || agentKeyOf(owner) !== signed.key) {
      throw wrong('bad-signature', gateway, `its registration is not signed by ${payload.participant}`);
    }
    if (!signatureHolds(signed))
      throw wrong('bad-signature', gateway, 'the signature of its registration does not hold');
    if (byGateway.has(gateway)) throw wrong('conflict', gateway, 'it is registered twice');
    byGateway.set(gateway, payload);
  }
  return {
    participants,
    traderWithKey: (id, key) => {
      const participant = byId.get(id);
      if (participant === undefined) {
        throw new CommonwattError('unknown-participant', `${id} does not take part in ${community}`, {
          record: id,
          field: 'payload.participant',
        });
      }
      if (agentKeyOf(participant) !== key) throw otherKey(id);
      if (participant.role === 'household') return participant;
      throw new CommonwattError(
        'forbidden',
        `${id} is the ${participant.role}; it does not trade in the auction`,
        {
          record: id,
          field: 'payload.participant',
          rule: 'households alone bid and offer',
        },
      );
    },
    gatewayWithKey: (gateway, participant, key) => {
      const registration = byGateway.get(gateway);
      if (registration === undefined) {
        throw new CommonwattError('unknown-gateway', `${gateway} is not registered in ${community}`, {
          record: gateway,
          field: 'payload.gateway',
          remedy: 'let the participant register the gateway on chain: `commonwatt join`',
        });
      }
      if (registration.gatewayKey !== key) throw otherKey(gateway);
      if (registration.participant !== participant) {
        throw new CommonwattError('forbidden', `${gateway} is not registered to ${participant}`, {
          record: gateway,
          field: 'payload.participant',
        });
      }
      return registration;
    },
  };
}

function otherKey(record: string): CommonwattError {
  return new CommonwattError('bad-signature', `the message is signed with another key than ${record}'s`, {
    record,
    field: 'key',
    remedy: `sign with the key that ${record} is registered with`,
  });
}

function wrong(
  code: 'malformed' | 'conflict' | 'wrong-community' | 'bad-signature',
  record: string,
  why: string,
) {
  return new CommonwattError(code, `the registry's entry ${record} is refused: ${why}`, { record });
}
