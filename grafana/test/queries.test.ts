import { findInfluxd, makeInfluxServer, type InfluxServer } from '@commonwatt/domain/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dashboardQueries, expandMacros, type QueryContext } from '../src/checks.ts';
import { LOADING_QUERY } from '../src/provisioning.ts';
import { COMMUNITY, FEEDERS, madeUpPoints, SITES } from './points.ts';

const influxd = findInfluxd();
if (influxd === null) console.warn('grafana: no query is executed, there is no influxd 1.x on this machine');

const HOURS = 6;
/** The interval Grafana takes for six hours on a panel some 700 px wide. */
const INTERVAL = '30s';
const toMs = Math.floor(Date.now() / 60_000) * 60_000;
const fromMs = toMs - HOURS * 3_600_000;

const all = {
  community: [COMMUNITY],
  feeder: FEEDERS,
  site: ['home-01'],
  gateway: SITES.map((site) => `gw-${site}`),
};
const one = { community: [COMMUNITY], feeder: ['feeder-1'], site: ['home-03'], gateway: ['gw-home-02'] };

describe.skipIf(influxd === null)('against a real InfluxDB', () => {
  let server: InfluxServer;
  beforeAll(async () => {
    server = await makeInfluxServer(influxd ?? '', { accounts: true });
    await server.start();
    await server.write(madeUpPoints({ seed: 1, fromMs, toMs }));
  });
  afterAll(() => server?.remove());

  async function valuesOf(query: string, context: QueryContext): Promise<number> {
    const influxql = expandMacros(query, context);
    const answer = await server.query(influxql);
    // Grafana reads the first result and no other.
    const result = answer.results?.[0];
    expect({ influxql, error: answer.error ?? result?.error }).toEqual({ influxql, error: undefined });
    const series = result?.series ?? [];
    expect({ influxql, series }).not.toEqual({ influxql, series: [] });
    for (const { columns, values } of series) {
      columns.forEach((column, at) => {
        const some = values.some((row) => row[at] !== null && row[at] !== undefined);
        expect({ influxql, column, some }).toEqual({ influxql, column, some: true });
      });
    }
    return series.length;
  }

  test.each(dashboardQueries())('$name', async ({ query, interval }) => {
    const time = { fromMs, toMs, interval: interval ?? INTERVAL };
    const withAll = await valuesOf(query, { ...time, variables: all });
    const withOne = await valuesOf(query, { ...time, variables: one });
    expect(withOne).toBeLessThanOrEqual(withAll);
  });

  test('the alert rules ask for a series per feeder', async () => {
    expect(await valuesOf(LOADING_QUERY, { fromMs, toMs, interval: INTERVAL, variables: {} })).toBe(
      FEEDERS.length,
    );
  });

  test('the reading user cannot write, and a name that is not in the schema gives nothing', async () => {
    const refused = await server.query('DROP MEASUREMENT "feeder"');
    expect(refused.error ?? refused.results?.[0]?.error).toMatch(/not authorized|requires/i);
    const empty = await server.query('SELECT mean("p_kw") FROM "feeder"');
    expect(empty.results?.[0]?.series).toBeUndefined();
  });

  test('shares are what the points say', async () => {
    const time = { fromMs, toMs, interval: `${HOURS + 1}h`, variables: all };
    const number = async (influxql: string) =>
      Number((await server.query(expandMacros(influxql, time))).results?.[0]?.series?.[0]?.values[0]?.[1]);
    const p2p = await number('SELECT sum("p2p_wh") FROM "market" WHERE $timeFilter');
    const drawn = await number('SELECT sum("grid_import_wh") FROM "market" WHERE $timeFilter');
    const shareQuery =
      dashboardQueries().find((c) => c.name === 'commonwatt-operator / From neighbours / A')?.query ?? '';
    const ungrouped = shareQuery.replace(/ GROUP BY time.*$/, '');
    expect(await number(ungrouped)).toBeCloseTo((100 * p2p) / (p2p + drawn), 6);
  });
});
