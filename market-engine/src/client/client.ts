import {
  CommonwattError,
  ERROR_CODES,
  type Book,
  type CancelPayload,
  type Clearing,
  type ErrorCode,
  type ErrorPlace,
  type FeederCheck,
  type FeederReport,
  type MarketRules,
  type MeterReading,
  type OrderPayload,
  type Participant,
  type ProblemDocument,
  type Signed,
  type Signer,
  type SlotId,
  type Statement,
} from '@commonwatt/domain';
import type { BatchTaken } from '../api/batch.ts';
import { ownKeyHeader, type RequestPayload } from '../api/own-key.ts';
import type { FeederFilter, OrderTaken, ReadingTaken, SlotFilter, SlotSummary } from '../service/ports.ts';

export interface MarketClientOptions {
  /** Like `http://127.0.0.1:8080`. */
  readonly baseUrl: string;
  readonly fetch?: typeof fetch;
  /** Real time that one call may take, until the last byte of the answer. 10 s when left out. */
  readonly deadlineMs?: number;
}

export interface FeederPage extends FeederReport {
  readonly checks: readonly FeederCheck[];
  readonly next: SlotId | null;
}

export interface OwnStatement {
  readonly slot: SlotId;
  readonly participant: string;
  readonly position: Statement['positions'][number] | null;
  readonly lines: Statement['lines'];
  readonly totalNano: string;
}

/**
 * The market over HTTP. Every call rejects with a CommonwattError: the one the market sent, or `unavailable` when there was no
 * answer in time - then it is not known whether a message was taken; sending the same again is safe (`duplicate` means it was).
 */
export interface MarketClient {
  submitOrder(signed: Signed<OrderPayload>, signal?: AbortSignal): Promise<OrderTaken>;
  cancelOrder(signed: Signed<CancelPayload>, signal?: AbortSignal): Promise<OrderTaken>;
  submitReading(signed: Signed<MeterReading>, signal?: AbortSignal): Promise<ReadingTaken>;
  /** At most 100 at once; the results are in their order, each taken or refused by itself. */
  submitOrders(
    orders: readonly Signed<OrderPayload>[],
    signal?: AbortSignal,
  ): Promise<BatchTaken<OrderTaken>['results']>;
  submitReadings(
    readings: readonly Signed<MeterReading>[],
    signal?: AbortSignal,
  ): Promise<BatchTaken<ReadingTaken>['results']>;
  rules(): Promise<MarketRules>;
  participants(): Promise<readonly Participant[]>;
  /** One page; `next` is the `after` of the following one. */
  slots(
    filter?: SlotFilter,
  ): Promise<{ readonly slots: readonly SlotSummary[]; readonly next: SlotId | null }>;
  slot(slot: SlotId): Promise<SlotSummary>;
  clearing(slot: SlotId): Promise<Clearing>;
  book(slot: SlotId): Promise<Book>;
  /** One page of checks, newest first (`next` is the `before` of the following one), and the meters under suspicion. */
  feeder(filter?: FeederFilter): Promise<FeederPage>;
  /** With the household's own key. */
  ownOrders(signer: Signer, community: string, slot: SlotId): Promise<readonly Signed<OrderPayload>[]>;
  ownStatement(signer: Signer, community: string, slot: SlotId): Promise<OwnStatement>;
  /** With the operator's key: lets a slot in `needsOperator` go on. */
  retrySlot(operator: Signer, community: string, slot: SlotId): Promise<SlotSummary>;
  ready(): Promise<boolean>;
}

const DEADLINE_MS = 10_000;

export function createMarketClient(options: MarketClientOptions): MarketClient {
  const call = caller(options);
  const post = (path: string, body: unknown, signal?: AbortSignal): Promise<unknown> =>
    call('POST', path, { body, ...(signal === undefined ? {} : { signal }) });
  const own = (
    signer: Signer,
    community: string,
    path: string,
    method: 'GET' | 'POST' = 'GET',
  ): Promise<unknown> => {
    const payload: RequestPayload = { type: 'request', community, method, path, timeMs: Date.now() };
    const { key, signature } = signer.sign(payload);
    return call(method, path, { authorization: ownKeyHeader(key, payload.timeMs, signature) });
  };
  const slotPath = (slot: SlotId): string => `/v1/slots/${encodeURIComponent(slot)}`;
  return {
    submitOrder: (signed, signal) => post('/v1/orders', signed, signal) as Promise<OrderTaken>,
    cancelOrder: (signed, signal) => post('/v1/orders/cancel', signed, signal) as Promise<OrderTaken>,
    submitReading: (signed, signal) => post('/v1/readings', signed, signal) as Promise<ReadingTaken>,
    submitOrders: async (orders, signal) =>
      ((await post('/v1/orders/batch', { orders }, signal)) as BatchTaken<OrderTaken>).results,
    submitReadings: async (readings, signal) =>
      ((await post('/v1/readings/batch', { readings }, signal)) as BatchTaken<ReadingTaken>).results,
    rules: () => call('GET', '/v1/rules') as Promise<MarketRules>,
    participants: async () =>
      ((await call('GET', '/v1/participants')) as { participants: Participant[] }).participants,
    slots: (filter = {}) => {
      return call('GET', `/v1/slots?${queryOf(filter)}`) as Promise<{
        slots: SlotSummary[];
        next: SlotId | null;
      }>;
    },
    slot: (slot) => call('GET', slotPath(slot)) as Promise<SlotSummary>,
    clearing: (slot) => call('GET', `${slotPath(slot)}/clearing`) as Promise<Clearing>,
    feeder: (filter = {}) => call('GET', `/v1/feeder?${queryOf(filter)}`) as Promise<FeederPage>,
    book: (slot) => call('GET', `${slotPath(slot)}/book`) as Promise<Book>,
    ownOrders: async (signer, community, slot) => {
      const answer = await own(signer, community, `/v1/orders?slot=${encodeURIComponent(slot)}`);
      return (answer as { orders: Signed<OrderPayload>[] }).orders;
    },
    ownStatement: (signer, community, slot) =>
      own(signer, community, `/v1/statements/${encodeURIComponent(slot)}`) as Promise<OwnStatement>,
    retrySlot: (operator, community, slot) =>
      own(operator, community, `${slotPath(slot)}/retry`, 'POST') as Promise<SlotSummary>,
    ready: async () => {
      try {
        await call('GET', '/readyz');
        return true;
      } catch {
        return false;
      }
    },
  };
}

function queryOf(filter: object): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) if (value !== undefined) query.set(name, String(value));
  return query;
}

interface CallExtras {
  readonly body?: unknown;
  readonly authorization?: string;
  readonly signal?: AbortSignal;
}

function caller(options: MarketClientOptions) {
  const send = options.fetch ?? fetch;
  const deadlineMs = options.deadlineMs ?? DEADLINE_MS;
  const base = options.baseUrl.replace(/\/+$/, '');
  return async (method: 'GET' | 'POST', path: string, extras: CallExtras = {}): Promise<unknown> => {
    const { body, authorization, signal } = extras;
    const deadline = AbortSignal.timeout(deadlineMs);
    const where = `${method} ${base}${path}`;
    let response: Response;
    let text: string;
    try {
      response = await send(`${base}${path}`, {
        method,
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(authorization === undefined ? {} : { authorization }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
      });
      text = await response.text();
    } catch (error) {
      const why = deadline.aborted ? `there was no answer in ${deadlineMs} ms` : causeOf(error);
      throw new CommonwattError(
        'unavailable',
        `${where}: ${why}`,
        { remedy: 'send the same again' },
        { cause: error },
      );
    }
    const answer = parsed(text);
    if (response.ok && answer !== undefined) return answer;
    throw problemToError(answer, response.status, where);
  };
}

/** A problem document as the error it was made of; anything else by its status. */
function problemToError(answer: unknown, status: number, where: string): CommonwattError {
  const problem = (answer ?? {}) as Partial<ProblemDocument>;
  const code = problem.type?.replace(/^urn:commonwatt:problem:/, '') as ErrorCode | undefined;
  if (code !== undefined && ERROR_CODES.includes(code)) {
    const { record, field, rule, remedy } = problem;
    const place = Object.fromEntries(
      Object.entries({ record, field, rule, remedy }).filter(([, value]) => value !== undefined),
    ) as ErrorPlace;
    return new CommonwattError(code, problem.detail ?? code, place);
  }
  return new CommonwattError('unavailable', `${where}: the answer (status ${status}) is not the market's`, {
    remedy: 'check the address; send the same again',
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
