import { buildDashboard } from './dashboard.ts';
import { DASHBOARDS } from './dashboards/index.ts';
import type { InfluxTarget } from './panels.ts';
import { CHAIN_RULES, LOADING_QUERY } from './provisioning.ts';

export { expandMacros, type QueryContext } from './macros.ts';

/** A query that an operator's Grafana will run, with its macros still in it. */
export interface DashboardQuery {
  /** `commonwatt-operator / Price / A`. */
  readonly name: string;
  readonly query: string;
  /** What `$__interval` is at least, e.g. `15m`; absent where the zoom alone decides. */
  readonly interval?: string;
}

/**
 * Every query there is: of panels, variables, annotations and alert rules. For tests that run them against an InfluxDB which a
 * neighbourhood has filled; fill in the macros with `expandMacros`.
 */
export function dashboardQueries(): DashboardQuery[] {
  const all = DASHBOARDS.flatMap((spec): DashboardQuery[] => {
    const dashboard = buildDashboard(spec);
    const panels = (dashboard.panels ?? []).flatMap((panel) => {
      if (!('targets' in panel)) return [];
      return (panel.targets ?? []).map((target) => {
        const { refId, query } = target as InfluxTarget;
        const least = panel.interval === undefined ? {} : { interval: panel.interval };
        return { name: `${spec.uid} / ${panel.title} / ${refId}`, query, ...least };
      });
    });
    const variables = (dashboard.templating?.list ?? []).map((variable) => ({
      name: `${spec.uid} / variable ${variable.name}`,
      query: String(variable.query),
    }));
    const annotations = (dashboard.annotations?.list ?? []).flatMap(({ name, target }) =>
      target && 'query' in target
        ? [{ name: `${spec.uid} / annotation ${name}`, query: String(target.query) }]
        : [],
    );
    return [...panels, ...variables, ...annotations];
  });
  return [
    ...all,
    { name: 'alert rules / feeder loading', query: LOADING_QUERY },
    ...CHAIN_RULES.map(({ uid, query }) => ({ name: `alert rules / ${uid}`, query })),
  ];
}
