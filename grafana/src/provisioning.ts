import { DATASOURCE_UID } from './panels.ts';
import type { Yaml } from './yaml.ts';

/**
 * Grafana's provisioning files as data. `$NAME` is filled in by Grafana from its environment when it starts.
 * The password stays out of the files.
 */
export const datasourceFile: Yaml = {
  apiVersion: 1,
  datasources: [
    {
      name: 'Commonwatt',
      uid: DATASOURCE_UID,
      type: 'influxdb',
      access: 'proxy',
      url: '$COMMONWATT_INFLUX_URL',
      user: '$COMMONWATT_INFLUX_USER',
      jsonData: { dbName: '$COMMONWATT_INFLUX_DATABASE', httpMode: 'GET', timeInterval: '10s' },
      secureJsonData: { password: '$COMMONWATT_INFLUX_PASSWORD' },
      editable: false,
    },
  ],
};

export const dashboardsFile: Yaml = {
  apiVersion: 1,
  providers: [
    {
      name: 'commonwatt',
      orgId: 1,
      folder: 'Commonwatt',
      folderUid: 'commonwatt',
      type: 'file',
      disableDeletion: true,
      allowUiUpdates: false,
      updateIntervalSeconds: 30,
      options: { path: '$COMMONWATT_DASHBOARDS' },
    },
  ],
};

interface LoadingRule {
  readonly uid: string;
  readonly title: string;
  readonly abovePct: number;
  readonly severity: 'warning' | 'critical';
  readonly forMinutes: number;
}

const LOADING_RULES: readonly LoadingRule[] = [
  {
    uid: 'commonwatt-feeder-90',
    title: 'Feeder loading above 90 %',
    abovePct: 90,
    severity: 'warning',
    forMinutes: 5,
  },
  {
    uid: 'commonwatt-feeder-100',
    title: 'Feeder loading above 100 %',
    abovePct: 100,
    severity: 'critical',
    forMinutes: 1,
  },
];

/** How far back a rule looks, seconds. */
const LOOK_BACK_S = 600;

/**
 * The rules' query. It has no `$`: whether Grafana fills in variables inside a rule's model has changed between versions,
 * so the time is given by `now()`.
 */
export const LOADING_QUERY = `SELECT mean("loading_pct") AS "loading" FROM "feeder" WHERE time > now() - ${LOOK_BACK_S}s GROUP BY time(1m), "feeder" fill(none)`;

function loadingRule(rule: LoadingRule): Yaml {
  const expression = { type: '__expr__', uid: '__expr__' };
  return {
    uid: rule.uid,
    title: rule.title,
    condition: 'C',
    data: [
      {
        refId: 'A',
        relativeTimeRange: { from: LOOK_BACK_S, to: 0 },
        datasourceUid: DATASOURCE_UID,
        model: {
          refId: 'A',
          datasource: { type: 'influxdb', uid: DATASOURCE_UID },
          query: LOADING_QUERY,
          rawQuery: true,
          resultFormat: 'time_series',
          intervalMs: 60_000,
          maxDataPoints: 100,
        },
      },
      {
        refId: 'B',
        datasourceUid: '__expr__',
        model: {
          refId: 'B',
          datasource: expression,
          type: 'reduce',
          expression: 'A',
          reducer: 'last',
          settings: { mode: 'dropNN' },
        },
      },
      {
        refId: 'C',
        datasourceUid: '__expr__',
        model: {
          refId: 'C',
          datasource: expression,
          type: 'threshold',
          expression: 'B',
          conditions: [{ evaluator: { type: 'gt', params: [rule.abovePct] } }],
        },
      },
    ],
    for: `${rule.forMinutes}m`,
    // A silent feeder is its own trouble, shown by the gateways' dashboard; it must not look like an overload.
    noDataState: 'NoData',
    execErrState: 'Error',
    labels: { severity: rule.severity, source: 'commonwatt' },
    annotations: {
      summary: `{{ $labels.feeder }} is at {{ printf "%.0f" $values.B.Value }} % of its limit`,
      description: `More than ${rule.abovePct} % for ${rule.forMinutes} min. A demand signal lowers the import: npx commonwatt signal --import-limit-w ... --from ... --to ...`,
      __dashboardUid__: 'commonwatt-feeders',
      __panelId__: '5',
    },
  };
}

export const alertsFile: Yaml = {
  apiVersion: 1,
  groups: [
    {
      orgId: 1,
      name: 'feeders',
      folder: 'Commonwatt',
      interval: '1m',
      rules: LOADING_RULES.map(loadingRule),
    },
  ],
};
