import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { FieldType, InfluxDB } from 'influx';
import type { TelemetryPoint } from '../service/ports.ts';
import type { TelemetryFieldType, TelemetryMeasurement } from './checked-point.ts';

/** What became of a write: `again` later, `refused` for good, `smaller` parts are wanted, or there is `no-database`. */
export type WriteOutcome = 'written' | 'again' | 'refused' | 'smaller' | 'no-database';

export interface InfluxTarget {
  /** Like `http://user:password@127.0.0.1:8086`. */
  readonly url: string;
  readonly database: string;
  readonly schema: readonly TelemetryMeasurement[];
  /** Real time that one request may take. */
  readonly deadlineMs: number;
}

export interface InfluxWriter {
  /** Never rejects. */
  write(points: readonly TelemetryPoint[]): Promise<{ readonly outcome: WriteOutcome; readonly why: string }>;
  createDatabase(): Promise<void>;
  /** True for an InfluxDB, false for something that only says so; rejects when nothing answers. */
  isInflux(): Promise<boolean>;
  close(): void;
}

const FIELD_TYPE: Record<TelemetryFieldType, FieldType> = {
  integer: FieldType.INTEGER,
  float: FieldType.FLOAT,
  string: FieldType.STRING,
  boolean: FieldType.BOOLEAN,
};

/** The pool would shut out its only host for seconds after one failure; waiting is our own business. */
const NO_BACKOFF = { getDelay: () => 0, next: () => NO_BACKOFF, reset: () => NO_BACKOFF };

/** npm `influx` with a deadline that holds: a server that dies in the middle of its answer would leave the promise open for ever. */
export function createInfluxWriter(target: InfluxTarget): InfluxWriter {
  const url = new URL(target.url);
  const protocol = url.protocol === 'https:' ? 'https' : 'http';
  const agent =
    protocol === 'https' ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  const client = new InfluxDB({
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port === '' ? 8086 : url.port),
    protocol,
    path: url.pathname === '/' ? '' : url.pathname.replace(/\/$/, ''),
    database: target.database,
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    options: { agent },
    pool: { maxRetries: 0, requestTimeout: target.deadlineMs, backoff: NO_BACKOFF },
    schema: target.schema.map(({ measurement, tags, fields }) => ({
      measurement,
      tags: [...tags],
      fields: Object.fromEntries(Object.entries(fields).map(([name, type]) => [name, FIELD_TYPE[type]])),
    })),
  });

  /** Runs a request under the deadline; when it passes, the sockets go too. */
  async function within<T>(request: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        agent.destroy();
        reject(new Error(`no answer in ${target.deadlineMs} ms`));
      }, target.deadlineMs);
    });
    try {
      return await Promise.race([request, late]);
    } finally {
      clearTimeout(timer);
      request.catch(() => {});
    }
  }

  return {
    write: async (points) => {
      try {
        await within(
          client.writePoints(
            points.map(({ measurement, tags, fields, atMs }) => ({
              measurement,
              tags,
              fields,
              timestamp: atMs,
            })),
            { precision: 'ms' },
          ),
        );
        return { outcome: 'written', why: '' };
      } catch (error) {
        const why = error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error);
        return { outcome: outcomeOf(statusOf(error), why), why };
      }
    },
    createDatabase: () => within(client.createDatabase(target.database)),
    isInflux: async () => {
      // InfluxDB answers a query that is none with an error. VictoriaMetrics answers everything with 200 and nonsense.
      try {
        await within(client.queryRaw('COMMONWATT ASKS'));
        return false;
      } catch (error) {
        if (statusOf(error) === null && !isQueryError(error)) throw error;
        return true;
      }
    },
    close: () => agent.destroy(),
  };
}

/** What an answer's status says about the same points; null stands for no answer at all. */
export function outcomeOf(status: number | null, why: string): WriteOutcome {
  if (status === null || status >= 500 || status === 401 || status === 403 || status === 429) return 'again';
  if (status === 413) return 'smaller';
  if (status === 404 && why.includes('database not found')) return 'no-database';
  return 'refused';
}

function statusOf(error: unknown): number | null {
  const status = (error as { res?: { statusCode?: unknown } } | null)?.res?.statusCode;
  return typeof status === 'number' ? status : null;
}

/** InfluxDB may also put the error into a good answer; the client then throws it by this name. */
function isQueryError(error: unknown): boolean {
  return (
    error instanceof Error &&
    /error parsing query|ResultError/.test(`${error.constructor.name} ${error.message}`)
  );
}
