import type { FastifyRequest } from 'fastify';
import { CommonwattError, type ProblemDocument } from '@commonwatt/domain';
import { problemOf } from './problems.ts';

/** A gateway that was cut off for a day has 96 readings. */
export const BATCH_MAX = 100;
export const BATCH_BYTES_MAX = 262_144;

export interface BatchTaken<T> {
  /** As many as were sent, in their order: what was taken, or why it was not. */
  readonly results: readonly ({ readonly taken: T } | { readonly problem: ProblemDocument })[];
}

/**
 * Takes the messages of a batch in their order, each by itself: one that is refused does not hold up the others, and each that is
 * taken is on disk. Throws `malformed` or `too-large` when the batch is none.
 */
export async function takeEach<T>(
  request: FastifyRequest,
  kind: 'orders' | 'readings',
  take: (message: unknown) => Promise<T>,
): Promise<BatchTaken<T>> {
  const messages = (request.body as Record<string, unknown> | null)?.[kind];
  if (!Array.isArray(messages)) {
    throw new CommonwattError('malformed', `${kind} must be a list of signed messages`, { field: kind });
  }
  if (messages.length > BATCH_MAX) {
    throw new CommonwattError('too-large', `${messages.length} ${kind} are more than ${BATCH_MAX} at once`, {
      field: kind,
      remedy: 'send them in several batches',
    });
  }
  const results: BatchTaken<T>['results'][number][] = [];
  for (const message of messages) {
    try {
      results.push({ taken: await take(message) });
    } catch (error) {
      results.push({ problem: problemOf(error, request.url) });
    }
  }
  return { results };
}
