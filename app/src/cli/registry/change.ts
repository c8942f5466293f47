import { CommonwattError } from '@commonwatt/domain';
import { entryGateway, gatewayName } from '@commonwatt/substrate-client';
import type { Command } from '../../main.ts';
import { readOptions, wholeNumber } from '../options.ts';
import { GATEWAY_HELP, GATEWAY_OPTIONS, givenGateway } from './gateway-of.ts';
import {
  knownMember,
  openSigners,
  PLACE_HELP,
  PLACE_OPTIONS,
  requireAgent,
  SIGNER_HELP,
  SIGNER_OPTIONS,
  withPlace,
} from './place.ts';
import { requireName, submit } from './submit.ts';

const ITEM_MAX = 1000;
const NAME_OPTIONS = { name: { type: 'string' }, item: { type: 'string' } } as const;

const ROTATE_HELP = `commonwatt rotate-gateway [options]

Registers another key for a gateway of a participant, or another gateway (--item 2). The old key reads the slots whose gates have closed,
the new one those after.

${GATEWAY_HELP}
${SIGNER_HELP}
${PLACE_HELP}`;

const REVOKE_HELP = `commonwatt revoke-gateway --name NAME [--item N] [options]

Takes a gateway out of the registry: a box that was lost or sold. The participant stays.

${SIGNER_HELP}
${PLACE_HELP}`;

const LEAVE_HELP = `commonwatt leave --name NAME [options]

Takes a participant out of the registry with all its gateways; the deposits come back. The approval stays, because the last slots
are still settled: take it back later with your wallet (assets.cancelApproval).

${SIGNER_HELP}
${PLACE_HELP}`;

/** Changes a gateway's key, or adds a gateway. */
export const rotateGatewayCommand: Command = async (args) => {
  const { values } = readOptions(args, {
    ...GATEWAY_OPTIONS,
    ...SIGNER_OPTIONS,
    ...PLACE_OPTIONS,
    help: { type: 'boolean' },
  });
  if (values.help) {
    console.log(ROTATE_HELP);
    return 0;
  }
  const item = wholeNumber('item', values.item, 1, ITEM_MAX) ?? 1;
  return withPlace(values, async (place) => {
    const { community } = place;
    const signers = await openSigners(values);
    const { accountKey } = signers;
    const agent = requireAgent(signers.agent);
    const { participant, key } = givenGateway(values, { community, accountKey, item });
    const member = await knownMember(place, participant);
    if ((member.agentKey ?? member.owner) !== agent.publicKey) {
      throw new CommonwattError('bad-signature', `${participant} signs with another key than the one given`, {
        record: participant,
        remedy: 'give the --agent-keystore that it joined with; `commonwatt join` registers another one',
      });
    }
    const who = { community, participant, accountKey };
    const entry = { ...who, gateways: [entryGateway(agent, key, { ...who, item })] };
    if (await submit({ do: 'register', entry }, place, signers))
      console.log(
        `${gatewayName(participant, item)} signs with ${key.key} from the next slot whose gate has not closed`,
      );
    return 0;
  });
};

/** Takes a gateway out of the registry. */
export const revokeGatewayCommand: Command = async (args) => {
  const { values } = readOptions(args, {
    ...NAME_OPTIONS,
    ...SIGNER_OPTIONS,
    ...PLACE_OPTIONS,
    help: { type: 'boolean' },
  });
  if (values.help) {
    console.log(REVOKE_HELP);
    return 0;
  }
  const participant = requireName(values.name);
  const item = wholeNumber('item', values.item, 1, ITEM_MAX) ?? 1;
  return withPlace(values, async (place) => {
    await knownMember(place, participant);
    const change = { do: 'revoke', community: place.community, participant, item } as const;
    if (await submit(change, place, await openSigners(values)))
      console.log(`${gatewayName(participant, item)} is registered no more`);
    return 0;
  });
};

/** Takes a participant out of the registry. */
export const leaveCommand: Command = async (args) => {
  const { values } = readOptions(args, {
    name: { type: 'string' },
    ...SIGNER_OPTIONS,
    ...PLACE_OPTIONS,
    help: { type: 'boolean' },
  });
  if (values.help) {
    console.log(LEAVE_HELP);
    return 0;
  }
  const participant = requireName(values.name);
  return withPlace(values, async (place) => {
    const change = { do: 'leave', community: place.community, participant } as const;
    if (await submit(change, place, await openSigners(values)))
      console.log(`${participant} takes part in ${place.community} no more; what is open still settles`);
    return 0;
  });
};
