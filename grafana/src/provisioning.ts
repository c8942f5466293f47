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

/** How far back a rule looks, seconds. */
const LOOK_BACK_S = 600;

/** A condition on the last value of a query. */
interface AlertRule {
  readonly uid: string;
  readonly title: string;
  readonly query: string;
  readonly when: 'gt' | 'lt';
  readonly limit: number;
  readonly severity: 'warning' | 'critical';
  readonly forMinutes: number;
  readonly summary: string;
  readonly description: string;
  /** Where the panel is that shows it. */
  readonly dashboard: string;
  readonly panel: string;
}

/**
 * The rules' query. It has no `$`: whether Grafana fills in variables inside a rule's model has changed between versions,
 * so the time is given by `now()`.
 */
export const LOADING_QUERY = `SELECT mean("loading_pct") AS "loading" FROM "feeder" WHERE time > now() - ${LOOK_BACK_S}s GROUP BY time(1m), "feeder" fill(none)`;

const LOADING_RULES: readonly AlertRule[] = (
  [
    ['commonwatt-feeder-90', 90, 'warning', 5],
    ['commonwatt-feeder-100', 100, 'critical', 1],
  ] as const
).map(([uid, limit, severity, forMinutes]) => ({
  uid,
  title: `Feeder loading above ${limit} %`,
  query: LOADING_QUERY,
  when: 'gt',
  limit,
  severity,
  forMinutes,
  summary: '{{ $labels.feeder }} is at {{ printf "%.0f" $values.B.Value }} % of its limit',
  description: `More than ${limit} % for ${forMinutes} min. A demand signal lowers the import: npx commonwatt signal --import-limit-w ... --from ... --to ...`,
  dashboard: 'commonwatt-feeders',
  panel: '5',
}));

const ofChain = (field: string, how: 'max' | 'min'): string =>
  `SELECT ${how}("${field}") AS "${field}" FROM "chain" WHERE time > now() - ${LOOK_BACK_S}s GROUP BY time(1m), "community" fill(none)`;

const CHAIN = { dashboard: 'commonwatt-market', forMinutes: 1 } as const;

/** The same limits at which the market itself raises these alarms (`/metrics`, the log and the page). */
export const CHAIN_RULES: readonly AlertRule[] = [
  {
    ...CHAIN,
    uid: 'commonwatt-chain-silent',
    title: 'The chain’s node does not answer',
    query: ofChain('silent_s', 'max'),
    when: 'gt',
    limit: 60,
    severity: 'critical',
    summary: 'No answer from the node of {{ $labels.community }} for {{ printf "%.0f" $values.B.Value }} s',
    description: 'Check the node, or use another one. Nothing is lost: batches go on when it answers.',
    panel: '12',
  },
  {
    ...CHAIN,
    uid: 'commonwatt-batch-pending',
    title: 'A batch waits for the chain',
    query: ofChain('pending_s', 'max'),
    when: 'gt',
    limit: 900,
    severity: 'warning',
    summary: 'The oldest batch of {{ $labels.community }} waits for {{ printf "%.0f" $values.B.Value }} s',
    description: 'The market’s log says what the chain answers.',
    panel: '11',
  },
  {
    ...CHAIN,
    uid: 'commonwatt-finality-lag',
    title: 'Finality is behind',
    query: ofChain('lag_blocks', 'max'),
    when: 'gt',
    limit: 100,
    severity: 'warning',
    summary: 'Finality is {{ printf "%.0f" $values.B.Value }} blocks behind for {{ $labels.community }}',
    description: 'Wait for the chain, or check that the node has peers.',
    panel: '12',
  },
  {
    ...CHAIN,
    uid: 'commonwatt-fee-days',
    title: 'Funds for fees run out',
    query: ofChain('fee_days', 'min'),
    when: 'lt',
    limit: 7,
    severity: 'critical',
    summary:
      'The settlement account of {{ $labels.community }} pays fees for {{ printf "%.1f" $values.B.Value }} more days',
    description: 'Send it some of the native token.',
    panel: '13',
  },
  {
    ...CHAIN,
    uid: 'commonwatt-approvals-low',
    title: 'Balances or approvals run out',
    query: ofChain('approvals_low', 'max'),
    when: 'gt',
    limit: 0,
    severity: 'warning',
    summary:
      'For {{ printf "%.0f" $values.B.Value }} participants of {{ $labels.community }} balance or approval ends within a week',
    description:
      'The page’s chain panel names them. They fund their account, or raise the approval on their page.',
    panel: '14',
  },
];

function alertRule(rule: AlertRule): Yaml {
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
          query: rule.query,
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
          conditions: [{ evaluator: { type: rule.when, params: [rule.limit] } }],
        },
      },
    ],
    for: `${rule.forMinutes}m`,
    // Silence is its own trouble, shown by the gateways' dashboard; it must not look like an overload.
    noDataState: 'NoData',
    execErrState: 'Error',
    labels: { severity: rule.severity, source: 'commonwatt' },
    annotations: {
      summary: rule.summary,
      description: rule.description,
      __dashboardUid__: rule.dashboard,
      __panelId__: rule.panel,
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
      rules: LOADING_RULES.map(alertRule),
    },
    {
      orgId: 1,
      name: 'chain',
      folder: 'Commonwatt',
      interval: '1m',
      rules: CHAIN_RULES.map(alertRule),
    },
  ],
};
