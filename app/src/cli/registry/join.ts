import {
  addressOf,
  agentConsent,
  checkParticipantName,
  entryGateway,
  gatewayName,
  type RegistryChange,
} from '@commonwatt/substrate-client';
import type { Command } from '../../main.ts';
import { askFaucet } from '../../run/faucet.ts';
import { readOptions, wholeNumber } from '../options.ts';
import { GATEWAY_HELP, GATEWAY_OPTIONS, givenGateway } from './gateway-of.ts';
import {
  openSigners,
  PLACE_HELP,
  PLACE_OPTIONS,
  requireAgent,
  SIGNER_HELP,
  SIGNER_OPTIONS,
  withPlace,
} from './place.ts';
import { submit } from './submit.ts';

const APPROVE_DEFAULT = 50;
const MICRO_PER_UNIT = 1_000_000n;
const ITEM_MAX = 1000;

const HELP = `commonwatt join [options]

Takes part in a community: registers the participant and its gateway on the chain, and lets the settlement account draw.
Nobody is asked; the deposits come back on leaving. The same again changes nothing.

${GATEWAY_HELP}
  --approve N             lets the settlement account draw up to N units of the community's money (default ${APPROVE_DEFAULT})
${SIGNER_HELP}
${PLACE_HELP}

With --state and a development chain, an empty account is given play money first.`;

/** Registers a participant and its gateway. */
export const joinCommand: Command = async (args) => {
  const { values } = readOptions(args, {
    ...GATEWAY_OPTIONS,
    ...SIGNER_OPTIONS,
    ...PLACE_OPTIONS,
    approve: { type: 'string' },
    help: { type: 'boolean' },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const item = wholeNumber('item', values.item, 1, ITEM_MAX) ?? 1;
  const approve = wholeNumber('approve', values.approve, 0, 1_000_000_000) ?? APPROVE_DEFAULT;
  return withPlace(values, async (place) => {
    const { community, terms } = place;
    const signers = await openSigners(values);
    const { accountKey } = signers;
    const agent = requireAgent(signers.agent);
    const { participant, key } = givenGateway(values, { community, accountKey, item });
    checkParticipantName(participant);
    const who = { community, participant, accountKey };
    const change: RegistryChange = {
      do: 'register',
      entry: {
        ...who,
        ...(agent.publicKey === accountKey ? {} : { agent: agentConsent(agent, who) }),
        gateways: [entryGateway(agent, key, { ...who, item })],
      },
      approve: {
        assetId: terms.assetId,
        settlementKey: terms.settlementKey,
        amountMicro: BigInt(approve) * MICRO_PER_UNIT,
      },
    };
    if (signers.account !== null && place.market !== null && place.chain.isDevelopment)
      await askFaucet(place.market, accountKey);
    const done = await submit(change, place, signers);
    if (!done) return 0;
    console.log(
      `${participant} takes part in ${community} with the account ${addressOf(accountKey)} and the gateway ${gatewayName(participant, item)}`,
    );
    console.log(
      `the settlement account ${addressOf(terms.settlementKey)} may draw up to ${approve} units of asset ${terms.assetId}`,
    );
    return 0;
  });
};
