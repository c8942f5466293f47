import type { ServerResponse } from 'node:http';
import { CommonwattError, compareIds, type Clearing } from '@commonwatt/domain';
import type { MarketEvent } from '../service/ports.ts';

/** So many past events can be asked for again with `last-event-id`. */
const KEPT_MAX = 512;
const HEARTBEAT_MS = 15_000;
/** A reader that is further behind is cut off; its browser comes back and catches up. */
const BACKLOG_BYTES_MAX = 1_000_000;

const READERS_MAX = 500;

interface Sent {
  readonly id: number;
  readonly text: string;
}

/** Server-sent events (WHATWG HTML, 9.2): one hub, any number of readers. Never blocks the market. */
export class EventStreams {
  readonly #readers = new Set<ServerResponse>();
  readonly #kept: Sent[] = [];
  readonly #heartbeat: NodeJS.Timeout;
  #nextId: number;

  /** Ids grow from restart to restart, so that a reader of the last life still catches up: they begin with the wall clock. */
  constructor(wallMs: number) {
    this.#nextId = Math.trunc(wallMs) * 1000;
    this.#heartbeat = setInterval(() => this.#send(': still here\n\n'), HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  get count(): number {
    return this.#readers.size;
  }

  publish(event: MarketEvent): void {
    for (const { name, data } of publicEvents(event)) {
      const id = this.#nextId++;
      const text = `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
      this.#kept.push({ id, text });
      if (this.#kept.length > KEPT_MAX) this.#kept.shift();
      this.#send(text);
    }
  }

  /** Throws `unavailable` when there are too many readers. */
  check(): void {
    if (this.#readers.size < READERS_MAX) return;
    throw new CommonwattError('unavailable', `${READERS_MAX} readers follow the events already`, {
      remedy: 'come back later',
    });
  }

  add(response: ServerResponse, lastEventId: string | undefined): void {
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      connection: 'keep-alive',
    });
    response.write('retry: 2000\n\n');
    const last = /^\d{1,16}$/.test(lastEventId ?? '') ? Number(lastEventId) : null;
    if (last !== null) for (const { id, text } of this.#kept) if (id > last) response.write(text);
    this.#readers.add(response);
    response.on('close', () => this.#readers.delete(response));
    response.on('error', () => this.#readers.delete(response));
  }

  close(): void {
    clearInterval(this.#heartbeat);
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
  }

  #send(text: string): void {
    for (const reader of this.#readers) {
      if (reader.writableLength > BACKLOG_BYTES_MAX) reader.destroy();
      else reader.write(text);
    }
  }
}

/** What everybody may see of an event; single readings and statements are not for everybody. */
function publicEvents(event: MarketEvent): { readonly name: string; readonly data: unknown }[] {
  switch (event.type) {
    case 'slot':
      return [{ name: 'slot', data: { slot: event.slot, state: event.state } }];
    case 'cleared': {
      const { slot, priceMicroPerKwh, priceInterval, volumeWh } = event.clearing;
      return [
        { name: 'cleared', data: event.clearing },
        { name: 'position', data: { slot, positions: positionsOf(event.clearing) } },
        { name: 'price', data: { slot, priceMicroPerKwh, priceInterval, volumeWh } },
      ];
    }
    case 'statement':
      return [{ name: 'statement-ready', data: { slot: event.statement.slot } }];
    case 'feeder':
      return [{ name: 'feeder', data: { check: event.check, suspects: event.report.suspects } }];
    case 'settled': {
      const { batchId, blockNumber, extrinsicHash, root } = event.receipt;
      return [{ name: 'settled', data: { slot: event.slot, batchId, blockNumber, extrinsicHash, root } }];
    }
    case 'corrected': {
      const { batchId, blockNumber, extrinsicHash, root, slots } = event.receipt;
      return [{ name: 'corrected', data: { slots, batchId, blockNumber, extrinsicHash, root } }];
    }
    case 'reading':
      return [];
  }
}

/** What everyone who traded has bought and sold, Wh, by participant. It follows from the public clearing, so it is no secret. */
function positionsOf({ trades }: Clearing): { participant: string; boughtWh: number; soldWh: number }[] {
  const positions = new Map<string, { participant: string; boughtWh: number; soldWh: number }>();
  const of = (participant: string) => {
    const position = positions.get(participant) ?? { participant, boughtWh: 0, soldWh: 0 };
    positions.set(participant, position);
    return position;
  };
  for (const { buyer, seller, energyWh } of trades) {
    of(buyer).boughtWh += energyWh;
    of(seller).soldWh += energyWh;
  }
  return [...positions.values()].sort((a, b) => compareIds(a.participant, b.participant));
}
