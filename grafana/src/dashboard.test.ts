import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { describe, expect, test } from 'vitest';
import { buildDashboard } from './dashboard.ts';
import { DASHBOARDS } from './dashboards/index.ts';
import { DATASOURCE_UID, type InfluxTarget } from './panels.ts';
import { alertsFile, CHAIN_RULES } from './provisioning.ts';

test('uids are fixed and each is there once', () => {
  expect(DASHBOARDS.map((spec) => spec.uid)).toEqual([
    'commonwatt-operator',
    'commonwatt-feeders',
    'commonwatt-community',
    'commonwatt-gateways',
    'commonwatt-market',
    'commonwatt-storage',
    'commonwatt-site',
  ]);
});

describe.each(DASHBOARDS)('$title', (spec) => {
  const dashboard = buildDashboard(spec);
  const panels = (dashboard.panels ?? []) as Panel[];

  test('is in the classic format that Grafana 10 to 13 load', () => {
    expect(dashboard).toMatchObject({ uid: spec.uid, schemaVersion: 42, editable: false });
    expect(dashboard.id ?? null).toBeNull();
  });

  test('panels have ids, words and units, and do not overlap', () => {
    expect(panels.map((panel) => panel.id)).toEqual(panels.map((_, index) => index + 1));
    const taken = new Set<string>();
    for (const { title, description, gridPos, fieldConfig } of panels) {
      expect({ title, described: (description?.length ?? 0) > 10 }).toEqual({ title, described: true });
      expect({ title, unit: fieldConfig?.defaults.unit }).toEqual({ title, unit: expect.any(String) });
      const { x, y, w, h } = gridPos!;
      expect(x + w).toBeLessThanOrEqual(24);
      for (let column = x; column < x + w; column += 1) {
        for (let row = y; row < y + h; row += 1) {
          expect({ title, overlaps: taken.has(`${column} ${row}`) }).toEqual({ title, overlaps: false });
          taken.add(`${column} ${row}`);
        }
      }
    }
  });

  test('every query is bounded in time and uses only variables the dashboard has', () => {
    const names: readonly string[] = spec.variables;
    for (const panel of panels) {
      for (const target of (panel.targets ?? []) as unknown as InfluxTarget[]) {
        expect(target.datasource.uid).toBe(DATASOURCE_UID);
        const selects = target.query.match(/SELECT /g)?.length ?? 0;
        const filters = target.query.match(/\$timeFilter/g)?.length;
        expect({ query: target.query, filters }).toEqual({ query: target.query, filters: selects });
        for (const [, name] of target.query.matchAll(/\$\{(\w+)/g)) expect(names).toContain(name);
      }
    }
  });
});

test('an alert leads to the panel that shows it', () => {
  const text = JSON.stringify(alertsFile);
  expect(text).toContain('"__panelId__":"5"');
  const feeders = buildDashboard(DASHBOARDS[1]!).panels as Panel[];
  expect(feeders.find((panel) => panel.id === 5)?.title).toBe('Loading');
  const market = buildDashboard(DASHBOARDS.find(({ uid }) => uid === 'commonwatt-market')!).panels as Panel[];
  const shown = CHAIN_RULES.map(({ uid, panel }) => [
    uid,
    market.find(({ id }) => String(id) === panel)?.title,
  ]);
  expect(Object.fromEntries(shown)).toEqual({
    'commonwatt-chain-silent': 'Node and finality',
    'commonwatt-batch-pending': 'Batches on their way',
    'commonwatt-finality-lag': 'Node and finality',
    'commonwatt-fee-days': 'Fees last for',
    'commonwatt-approvals-low': 'Approvals last for',
  });
});
