import { CommonwattError } from '@commonwatt/domain';
import type { TelemetryPort } from '../service/ports.ts';
import { checkedPoint, type TelemetryMeasurement } from './checked-point.ts';
import { createInfluxWriter, type InfluxWriter } from './influx-writer.ts';
import { PointBuffer } from './point-buffer.ts';

export interface InfluxTelemetryOptions {
  /** Like `http://user:password@127.0.0.1:8086`; the password is never logged. */
  readonly url: string;
  readonly database: string;
  /** Points outside it are dropped and counted; it makes integers integers. */
  readonly schema: readonly TelemetryMeasurement[];
  readonly log: (line: string) => void;
  /** Points kept while InfluxDB is away; beyond, the oldest go. */
  readonly pointsMax?: number;
  readonly batchPointsMax?: number;
  /** Real times. */
  readonly flushEveryMs?: number;
  readonly deadlineMs?: number;
  readonly retryMaxMs?: number;
}

export interface TelemetryStatistics {
  readonly state: 'starting' | 'writing' | 'waiting' | 'refused' | 'stopped';
  readonly buffered: number;
  readonly written: number;
  /** Gave way to newer points while InfluxDB was away. */
  readonly dropped: number;
  /** Not of the schema, or refused by InfluxDB. */
  readonly invalid: number;
  readonly failures: number;
  readonly lastTrouble: string | null;
}

export interface InfluxTelemetry extends TelemetryPort {
  statistics(): TelemetryStatistics;
  /** Writes what is buffered if that takes no longer than the deadline, and lets go. */
  stop(): Promise<void>;
}

/**
 * Telemetry in InfluxDB 1.x (or the compatibility API of 2 and 3), in batches with explicit times. A missing, dying or hanging
 * InfluxDB is waited for, with a bounded buffer; points that it refuses are dropped and counted. Nothing here throws or blocks.
 * Throws CommonwattError `malformed` at once for a URL that is none.
 */
export function createInfluxTelemetry(options: InfluxTelemetryOptions): InfluxTelemetry {
  if (!/^https?:$/.test(URL.parse(options.url)?.protocol ?? '')) {
    throw new CommonwattError('malformed', 'the InfluxDB address is no http URL', {
      remedy: 'give it like http://127.0.0.1:8086',
    });
  }
  const writer = createInfluxWriter({ ...options, deadlineMs: options.deadlineMs ?? 10_000 });
  return new BufferedTelemetry(options, writer);
}

class BufferedTelemetry implements InfluxTelemetry {
  readonly #options: InfluxTelemetryOptions;
  readonly #writer: InfluxWriter;
  readonly #schema: ReadonlyMap<string, TelemetryMeasurement>;
  readonly #buffer: PointBuffer;
  #state: TelemetryStatistics['state'] = 'starting';
  #written = 0;
  #invalid = 0;
  #failures = 0;
  #failuresInARow = 0;
  #lastTrouble: string | null = null;
  #batchMax: number;
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> | null = null;

  constructor(options: InfluxTelemetryOptions, writer: InfluxWriter) {
    this.#options = options;
    this.#writer = writer;
    this.#schema = new Map(options.schema.map((measurement) => [measurement.measurement, measurement]));
    this.#buffer = new PointBuffer(options.pointsMax ?? 100_000);
    this.#batchMax = this.#batchLimit;
    this.#schedule(0);
  }

  get #batchLimit(): number {
    return this.#options.batchPointsMax ?? 5000;
  }

  write: TelemetryPort['write'] = (points) => {
    if (this.#state === 'refused' || this.#state === 'stopped') return;
    for (const point of points) {
      const checked = checkedPoint(point, this.#schema);
      if (typeof checked === 'string') this.#count(1, checked);
      else this.#buffer.add(checked);
    }
  };

  statistics(): TelemetryStatistics {
    return {
      state: this.#state,
      buffered: this.#buffer.length,
      written: this.#written,
      dropped: this.#buffer.dropped,
      invalid: this.#invalid,
      failures: this.#failures,
      lastTrouble: this.#lastTrouble,
    };
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#running;
    if (this.#state === 'writing') await this.#round();
    this.#state = 'stopped';
    this.#writer.close();
  }

  #schedule(afterMs: number): void {
    if (this.#state === 'refused' || this.#state === 'stopped') return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      const round = this.#round().catch((error: unknown) => {
        this.#trouble(error instanceof Error ? error.message : String(error));
        return this.#backoffMs();
      });
      this.#running = round.then((waitMs) => {
        this.#running = null;
        if (waitMs !== null) this.#schedule(waitMs);
      });
    }, afterMs);
    this.#timer.unref();
  }

  /** Writes until the buffer is empty or something fails; returns how long to wait, or null for ever. */
  async #round(): Promise<number | null> {
    if (this.#state === 'starting' && !(await this.#greet())) {
      return this.statistics().state === 'refused' ? null : this.#backoffMs();
    }
    while (this.#buffer.length > 0) {
      const batch = this.#buffer.peek(this.#batchMax);
      const droppedBefore = this.#buffer.dropped;
      const { outcome, why } = await this.#writer.write(batch);
      // Points that gave way while this was under way were the first of the batch.
      const left = Math.max(0, batch.length - (this.#buffer.dropped - droppedBefore));
      if (outcome === 'written') {
        this.#buffer.remove(left);
        this.#written += batch.length;
        this.#batchMax = this.#batchLimit;
        this.#wellAgain();
      } else if (outcome === 'smaller' && batch.length > 1) {
        this.#batchMax = Math.ceil(batch.length / 2);
      } else if (outcome === 'again' || outcome === 'no-database') {
        if (outcome === 'no-database') await this.#writer.createDatabase().catch(() => {});
        this.#trouble(why);
        return this.#backoffMs();
      } else {
        this.#buffer.remove(left);
        this.#count(left, `InfluxDB refused ${batch.length} points: ${why}`);
      }
    }
    return this.#options.flushEveryMs ?? 1000;
  }

  async #greet(): Promise<boolean> {
    try {
      if (await this.#writer.isInflux()) {
        this.#state = 'writing';
        return true;
      }
    } catch (error) {
      this.#trouble(error instanceof Error ? error.message : String(error));
      this.#state = 'starting';
      return false;
    }
    this.#state = 'refused';
    this.#buffer.remove(this.#buffer.length);
    this.#options.log(
      'telemetry: what answers there is no InfluxDB (VictoriaMetrics accepts InfluxQL and answers nonsense); nothing is written',
    );
    return false;
  }

  #trouble(why: string): void {
    this.#failures++;
    this.#failuresInARow++;
    this.#lastTrouble = why;
    if (this.#state === 'writing') this.#state = 'waiting';
    if (this.#failuresInARow === 1)
      this.#options.log(`telemetry: InfluxDB is away (${why}); points are kept and sent later`);
  }

  #wellAgain(): void {
    if (this.#failuresInARow > 0) this.#options.log('telemetry: InfluxDB is there again');
    this.#failuresInARow = 0;
    this.#state = 'writing';
  }

  #backoffMs(): number {
    return Math.min(250 * 2 ** Math.min(this.#failuresInARow, 10), this.#options.retryMaxMs ?? 10_000);
  }

  #count(points: number, why: string): void {
    this.#invalid += points;
    if (this.#lastTrouble !== why) this.#options.log(`telemetry: dropped: ${why}`);
    this.#lastTrouble = why;
  }
}
