import { createServer, type Server } from 'node:http';
import { findInfluxd, makeInfluxServer } from '@commonwatt/domain/testing';
import { afterEach, describe, expect, it } from 'vitest';
import fc from 'fast-check';
import type { TelemetryPoint } from '../service/ports.ts';
import { checkedPoint, type TelemetryMeasurement } from './checked-point.ts';
import { createInfluxTelemetry, type InfluxTelemetryOptions } from './influx-telemetry.ts';
import { createMemoryTelemetry } from './memory-telemetry.ts';

const SCHEMA: TelemetryMeasurement[] = [
  {
    measurement: 'market',
    tags: ['community'],
    fields: { price: 'float', p2p_wh: 'integer', bids: 'integer' },
  },
  { measurement: 'event', tags: ['severity'], fields: { title: 'string', text: 'string' } },
];
const BY_NAME = new Map(SCHEMA.map((one) => [one.measurement, one]));
const AT_MS = 1_780_000_000_000;

function point(number: number, part: Partial<TelemetryPoint> = {}): TelemetryPoint {
  return {
    measurement: 'market',
    tags: { community: 'commonwatt-test' },
    fields: { p2p_wh: number },
    atMs: AT_MS + number,
    ...part,
  };
}

const cleanups: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function telemetry(url: string, part: Partial<InfluxTelemetryOptions> = {}) {
  const logged: string[] = [];
  const port = createInfluxTelemetry({
    url,
    database: 'commonwatt',
    schema: SCHEMA,
    log: (line) => logged.push(line),
    flushEveryMs: 10,
    retryMaxMs: 50,
    deadlineMs: 500,
    ...part,
  });
  cleanups.push(() => port.stop());
  return { port, logged };
}

/** A server that plays InfluxDB: answers queries with 400 as it would, and writes with what the test wants. */
async function fakeInflux(onWrite: (body: string) => number | 'hang', queryStatus = 400): Promise<string> {
  const server: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      if (request.url?.startsWith('/query') === true) {
        response.writeHead(queryStatus).end('{"results":[]}');
        return;
      }
      const answer = onWrite(body);
      if (answer === 'hang') response.writeHead(204, { 'content-length': '10' }).write('');
      else response.writeHead(answer).end(answer === 204 ? undefined : '{"error":"no"}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

describe('a point', () => {
  it.each([
    ['a line break in a tag', { tags: { community: 'a\nmarket p2p_wh=9i' } }, 'tag community is'],
    ['an undefined tag', { tags: { community: undefined as unknown as string } }, 'tag community is'],
    ['an empty tag', { tags: { community: '' } }, 'tag community is'],
    ['an unknown tag', { tags: { home: 'x' } }, 'tag "home" is not'],
    ['an unknown measurement', { measurement: 'market\nx' }, 'is not in the schema'],
    ['an unknown field', { fields: { other: 1 } }, 'field "other" is not'],
    ['a fraction for an integer', { fields: { p2p_wh: 1.5 } }, 'not integer'],
    ['nothing but NaN', { fields: { price: Number.NaN } }, 'no field has a value'],
    ['no time', { atMs: Number.NaN }, 'atMs is'],
  ])('with %s is not written', (_name, part, why) => {
    expect(checkedPoint(point(1, part), BY_NAME)).toContain(why);
  });

  it('never carries a control character or a backslash in a text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (title) => {
        const checked = checkedPoint(
          { measurement: 'event', tags: { severity: 'info' }, fields: { title, text: 'x' }, atMs: 1 },
          BY_NAME,
        );
        expect(typeof checked === 'string' ? '' : String(checked.fields['title'] ?? '')).not.toMatch(
          /[\p{Cc}\\]/u,
        );
      }),
    );
  });
});

describe('the buffer', () => {
  it('keeps the newest points while nothing answers, and never throws', async () => {
    const { port, logged } = telemetry('http://127.0.0.1:9', { pointsMax: 100 });
    for (let number = 0; number < 250; number++) port.write([point(number)]);
    await expect.poll(() => port.statistics().failures).toBeGreaterThan(2);
    expect(port.statistics()).toMatchObject({ buffered: 100, dropped: 150, written: 0 });
    expect(logged).toHaveLength(1);
  });

  it('sends again after 500 and after a hang, drops and counts after 400, halves after 413', async () => {
    const answers: (number | 'hang')[] = [500, 'hang', 413, 204, 400, 204];
    const bodies: string[] = [];
    const url = await fakeInflux((body) => {
      bodies.push(body);
      return answers.shift() ?? 204;
    });
    const { port } = telemetry(url, { batchPointsMax: 4 });
    port.write([0, 1, 2, 3, 4, 5].map((number) => point(number)));
    await expect.poll(() => port.statistics().buffered, { timeout: 5000 }).toBe(0);
    // 0..3: 500, hang, 413; then 0..1 written; 2..5 (the full batch again) refused with 400.
    expect(port.statistics()).toMatchObject({ written: 2, invalid: 4, dropped: 0, failures: 2 });
    expect(bodies[0]).toBe(bodies[1]);
    expect(bodies[0]!.split('\n')[0]).toBe(`market,community=commonwatt-test p2p_wh=0i ${AT_MS}`);
  });

  it('refuses a server that accepts any query, as VictoriaMetrics does', async () => {
    let writes = 0;
    const url = await fakeInflux(() => (writes++, 204), 200);
    const { port, logged } = telemetry(url);
    port.write([point(1)]);
    await expect.poll(() => port.statistics().state).toBe('refused');
    expect(writes).toBe(0);
    expect(logged.join()).toContain('no InfluxDB');
  });

  it('rejects an address that is none', () => {
    expect(() => telemetry('127.0.0.1:8086')).toThrow('no http URL');
  });
});

describe('memory telemetry', () => {
  it('keeps the last points', () => {
    const memory = createMemoryTelemetry({ pointsMax: 3 });
    memory.write([1, 2, 3, 4].map((number) => point(number)));
    expect(memory.points('market').map(({ fields }) => fields['p2p_wh'])).toEqual([2, 3, 4]);
    expect(memory.points('event')).toEqual([]);
  });
});

const influxd = findInfluxd();
if (influxd === null) console.warn('left out: the tests with a real InfluxDB (no influxd 1.x here)');

describe.skipIf(influxd === null)('a real InfluxDB', () => {
  it('is killed, restarted and hung: every point arrives once, integers stay integers', async () => {
    const server = await makeInfluxServer(influxd!);
    cleanups.push(() => server.remove());
    await server.start();
    const { port } = telemetry(server.url, { batchPointsMax: 50, retryMaxMs: 100 });
    let number = 0;
    const send = (count: number): void => {
      for (const end = number + count; number < end; number++) port.write([point(number)]);
    };
    const drained = async (): Promise<void> => {
      await expect.poll(() => port.statistics().buffered, { timeout: 10_000 }).toBe(0);
    };
    send(200);
    await drained();
    for (let round = 0; round < 3; round++) {
      send(100);
      await server.kill();
      send(100);
      await server.start();
      await drained();
    }
    server.hang();
    const { failures } = port.statistics();
    // On a busy machine it takes a moment until the server stands still.
    const sendOne = (): number => {
      send(1);
      return port.statistics().failures;
    };
    await expect.poll(sendOne, { timeout: 10_000 }).toBeGreaterThan(failures);
    server.resume();
    await drained();
    const counted = await server.query('SELECT count(p2p_wh) FROM market');
    expect(counted.results?.[0]?.series?.[0]?.values[0]?.[1]).toBe(number);
    expect(JSON.stringify(await server.query('SHOW FIELD KEYS'))).toContain('["p2p_wh","integer"]');
    expect(port.statistics()).toMatchObject({ dropped: 0, invalid: 0 });
  });
});
