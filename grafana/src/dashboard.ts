import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  QueryVariableBuilder,
  VariableRefresh,
  VariableSort,
  type Dashboard,
  type Panel,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { Select, tagValues } from './influxql.ts';
import { DATASOURCE } from './panels.ts';

/** Every dashboard carries this tag; the links between them follow it. */
const TAG = 'commonwatt';
/** Grafana 10 to 13 load it. */
const SCHEMA_VERSION = 42;

export type Variable = 'community' | 'feeder' | 'site' | 'gateway';

export interface DashboardSpec {
  /** Fixed for ever: links and bookmarks use it. */
  readonly uid: string;
  readonly title: string;
  readonly doc: string;
  readonly variables: readonly Variable[];
  readonly panels: readonly Builder<Panel>[];
}

const VARIABLES: Record<Variable, { label: string; query: (others: readonly Variable[]) => string }> = {
  community: { label: 'Community', query: () => tagValues('market', 'community') },
  feeder: { label: 'Feeder', query: () => tagValues('feeder', 'feeder') },
  site: {
    label: 'Home',
    query: (others) =>
      others.includes('feeder') ? tagValues('meter', 'site', 'feeder') : tagValues('meter', 'site'),
  },
  gateway: { label: 'Gateway', query: () => tagValues('gateway', 'gateway') },
};

function variable(name: Variable, all: readonly Variable[]): QueryVariableBuilder {
  const { label, query } = VARIABLES[name];
  // A home is looked at alone, everything else together to begin with.
  const single = name === 'site';
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(DATASOURCE)
    .query(query(all))
    .definition(query(all))
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.NaturalAsc)
    .multi(!single)
    .includeAll(!single)
    .current(single ? { text: '', value: '' } : { selected: true, text: ['All'], value: ['$__all'] });
}

/** Events as lines on every chart. */
function events(feeder: boolean): AnnotationQueryBuilder {
  const select = new Select('event').raw('title').raw('text').raw('severity').raw('kind');
  const target = {
    refId: 'Anno',
    datasource: DATASOURCE,
    query: (feeder ? select.matching('feeder') : select).toString(),
    rawQuery: true,
    resultFormat: 'table',
    fromAnnotations: true,
    titleColumn: 'title',
    textColumn: 'text',
    tagsColumn: 'severity,kind',
    _implementsDataqueryVariant() {},
  };
  return new AnnotationQueryBuilder()
    .name('Events')
    .datasource(DATASOURCE)
    .enable(true)
    .iconColor('orange')
    .target({ build: () => target });
}

/** The finished document: panels get ids in order, the place follows from their widths. */
export function buildDashboard(spec: DashboardSpec): Dashboard {
  const builder = new DashboardBuilder(spec.title)
    .uid(spec.uid)
    .description(spec.doc)
    .tags([TAG])
    .timezone('browser')
    .time({ from: 'now-24h', to: 'now' })
    .refresh('30s')
    .tooltip(DashboardCursorSync.Crosshair)
    .readonly()
    .annotation(events(spec.variables.includes('feeder')))
    .link(
      new DashboardLinkBuilder('Commonwatt')
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    );
  for (const name of spec.variables) builder.withVariable(variable(name, spec.variables));
  for (const panel of spec.panels) builder.withPanel(panel);
  const dashboard = builder.build();
  dashboard.schemaVersion = SCHEMA_VERSION;
  dashboard.panels?.forEach((panel, index) => {
    panel.id = index + 1;
  });
  return dashboard;
}
