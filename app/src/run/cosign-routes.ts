import { waitingText, type ProposalDesk } from '@commonwatt/substrate-client';
import type { Signed } from '@commonwatt/domain';
import type { Verdict } from '@commonwatt/substrate-client';
import type { FastifyInstance } from 'fastify';

/** The proposing node's desk over HTTP: what is proposed, the records behind it by their roots, and what the signatories say. All public. */
export function addCosignRoutes(server: FastifyInstance, desk: ProposalDesk): void {
  server.get('/v1/settlement/proposals', () => desk.proposals());
  server.get<{ Params: { root: string } }>('/v1/settlement/batches/:root', (request) =>
    desk.record(request.params.root),
  );
  server.get<{ Params: { root: string } }>('/v1/settlement/slots/:root', (request) =>
    desk.records(request.params.root),
  );
  server.get('/v1/settlement/verdicts', () => desk.verdicts());
  server.post('/v1/settlement/verdicts', async (request, reply) => {
    await desk.report(request.body as Signed<Verdict>);
    return reply.code(201).send({});
  });
  server.get('/v1/settlement/waiting', () => {
    const waiting = desk.waiting();
    return waiting === null ? { waiting: null } : { ...waiting, text: waitingText(waiting) };
  });
}
