import { HEX64, ID, TEXT, WHOLE, list, object, signed } from './schema-parts.ts';

/** Schemas of who takes part and by which rules. */

const PARTICIPANT = object(
  {
    id: ID,
    accountKey: HEX64,
    agentKey: { ...HEX64, description: 'Signs the orders; the account key does when this is left out' },
    role: { enum: ['household', 'supplier', 'fund', 'feeder'] },
  },
  ['agentKey'],
);

export const PARTICIPANTS = object({ participants: list(PARTICIPANT) });

export const MEMBERS = object({
  fromSlot: { type: ['string', 'null'], description: 'The first slot whose gate has not closed' },
  registry: {
    ...object({ blockNumber: WHOLE, blockHash: TEXT }),
    type: ['object', 'null'],
    description: 'The finalized block whose registry says so',
  },
  participants: list(PARTICIPANT),
  gateways: list(
    signed(
      object({
        type: { const: 'gateway' },
        community: ID,
        participant: ID,
        gateway: ID,
        gatewayKey: HEX64,
      }),
    ),
  ),
});

export const RULES = {
  type: 'object',
  description: 'MarketRules: what the community has agreed on',
  additionalProperties: true,
};
