import type { FastifyInstance } from 'fastify';
import type { ApprovalDesk, ChainFacts } from './approvals.ts';

/** Each of these asks the chain: a page needs a few, nobody needs many. */
const LIMIT = { config: { rateLimit: { max: 60, timeWindow: 60_000 } } };
const text = (max: number) => ({ type: 'string', minLength: 1, maxLength: max }) as const;
const body = (properties: Record<string, object>) => ({
  schema: {
    tags: ['approvals'],
    body: { type: 'object', properties, required: Object.keys(properties), additionalProperties: false },
  },
  ...LIMIT,
});

/** What wallets need: where the money is, how an account stands, and approvals to sign. */
export function addApprovalRoutes(server: FastifyInstance, desk: ApprovalDesk, facts: ChainFacts): void {
  server.get('/v1/chain', () => facts);
  server.get<{ Querystring: { participant?: string; account?: string } }>(
    '/v1/approvals',
    {
      schema: {
        tags: ['approvals'],
        querystring: {
          type: 'object',
          properties: { participant: text(64), account: text(80) },
          additionalProperties: false,
        },
      },
      ...LIMIT,
    },
    ({ query }) => desk.look(query),
  );
  server.post<{ Body: { account: string; amount: string } }>(
    '/v1/approvals/prepare',
    body({ account: text(80), amount: text(40) }),
    ({ body: { account, amount } }) => desk.prepare(account, amount),
  );
  server.post<{ Body: { id: string; signature: string } }>(
    '/v1/approvals/submit',
    body({ id: text(64), signature: text(140) }),
    ({ body: { id, signature } }) => desk.submit(id, signature),
  );
  server.get<{ Params: { id: string } }>('/v1/approvals/:id', ({ params }) => desk.progress(params.id));
}
