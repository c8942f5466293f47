import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DASHBOARDS } from '../src/dashboards/index.ts';
import type { InfluxTarget } from '../src/panels.ts';
import { LOADING_QUERY } from '../src/provisioning.ts';
import { findInfluxd, startInfluxd, type InfluxServer } from './influxd.ts';
import { expandMacros, type QueryContext } from './macros.ts';
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

interface Case {
  readonly name: string;
  readonly query: string;
  readonly interval: string;
}

/** The queries as they stand in the committed files: what a user's Grafana will run. */
function committedCases(): Case[] {
  return DASHBOARDS.flatMap((spec) => {
    const file = join(import.meta.dirname, `../dashboards/${spec.uid}.json`);
    const dashboard = JSON.parse(readFileSync(file, 'utf8')) as Dashboard;
    const panels = (dashboard.panels ?? []).flatMap((panel) => {
      if (!('targets' in panel)) return [];
      return (panel.targets ?? []).map((target): Case => {
        const { refId, query } = target as unknown as InfluxTarget;
        return {
          name: `${spec.uid} / ${panel.title} / ${refId}`,
          query,
          interval: panel.interval ?? INTERVAL,
        };
      });
    });
    const variables = (dashboard.templating?.list ?? []).map((variable): Case => ({
      name: `${spec.uid} / variable ${variable.name}`,
      query: String(variable.query),
      interval: INTERVAL,
    }));
    const annotations = (dashboard.annotations?.list ?? []).flatMap((annotation): Case[] => {
      const target = annotation.target as unknown as InfluxTarget | undefined;
      return target?.query === undefined
        ? []
        : [{ name: `${spec.uid} / annotation ${annotation.name}`, query: target.query, interval: INTERVAL }];
    });
    return [...panels, ...variables, ...annotations];
  });
}

describe.skipIf(influxd === null)('against a real InfluxDB', () => {
  let server: InfluxServer;
  beforeAll(async () => {
    server = await startInfluxd();
    await server.write(madeUpPoints({ seed: 1, fromMs, toMs }));
  });
  afterAll(() => server?.stop());

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

  test.each(committedCases())('$name', async ({ query, interval }) => {
    const time = { fromMs, toMs, interval };
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
      committedCases().find((c) => c.name === 'commonwatt-operator / From neighbours / A')?.query ?? '';
    const ungrouped = shareQuery.replace(/ GROUP BY time.*$/, '');
    expect(await number(ungrouped)).toBeCloseTo((100 * p2p) / (p2p + drawn), 6);
  });
});
