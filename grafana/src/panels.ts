import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import {
  BarGaugeDisplayMode,
  BigValueColorMode,
  BigValueGraphMode,
  GraphDrawStyle,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  LineInterpolation,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizOrientation,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import { PanelBuilder as BarGaugeBuilder } from '@grafana/grafana-foundation-sdk/bargauge';
import {
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type Panel,
  type Threshold,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** The InfluxDB data source as `provisioning/datasources` names it. */
export const DATASOURCE_UID = 'commonwatt-influxdb';
export const DATASOURCE = { type: 'influxdb', uid: DATASOURCE_UID };

/** A query and what its series are called: `$tag_feeder` and `$col` as Grafana's aliases know them. */
export interface Target {
  readonly query: { toString(): string };
  readonly alias?: string;
}

/** A raw InfluxQL query in the form Grafana keeps; the SDK has no builder for it. */
export interface InfluxTarget extends Dataquery {
  readonly refId: string;
  readonly datasource: typeof DATASOURCE;
  readonly query: string;
  readonly rawQuery: true;
  readonly resultFormat: 'time_series' | 'table';
  readonly alias?: string;
}

export function influxTarget(
  target: Target,
  index: number,
  resultFormat: InfluxTarget['resultFormat'],
): Builder<Dataquery> {
  const built: InfluxTarget = {
    refId: String.fromCodePoint('A'.codePointAt(0)! + index),
    datasource: DATASOURCE,
    query: target.query.toString(),
    rawQuery: true,
    resultFormat,
    ...(target.alias === undefined ? {} : { alias: target.alias }),
    _implementsDataqueryVariant() {},
  };
  return { build: () => built };
}

export interface PanelSpec {
  readonly title: string;
  /** What it means and when to worry; shown behind the panel's `i` and gathered in docs/grafana.md. */
  readonly doc: string;
  readonly targets: readonly Target[];
  readonly unit: string;
  readonly decimals?: number;
  readonly min?: number;
  readonly max?: number;
  /** Of 24 columns. */
  readonly span: number;
  readonly height: number;
  /** `[value, colour]` from low to high; the base is green. */
  readonly thresholds?: readonly (readonly [number, string])[];
  /** The least interval, for points that come once a slot. */
  readonly interval?: string;
  readonly drawn?: 'lines' | 'bars' | 'steps';
  readonly stacked?: boolean;
  /** Fixed colours by series name. */
  readonly colours?: Readonly<Record<string, string>>;
}

function steps(spec: PanelSpec): Threshold[] {
  const base: Threshold = { value: null, color: 'green' };
  return [base, ...(spec.thresholds ?? []).map(([value, color]) => ({ value, color }))];
}

type Common = TimeseriesBuilder | StatBuilder | BarGaugeBuilder | TableBuilder;

function dress<B extends Common>(
  builder: B,
  spec: PanelSpec,
  resultFormat: InfluxTarget['resultFormat'] = 'time_series',
): B {
  builder
    .title(spec.title)
    .description(spec.doc)
    .datasource(DATASOURCE)
    .unit(spec.unit)
    .span(spec.span)
    .height(spec.height);
  builder.thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps(spec)));
  builder.noValue('no data yet');
  if (spec.decimals !== undefined) builder.decimals(spec.decimals);
  if (spec.min !== undefined) builder.min(spec.min);
  if (spec.max !== undefined) builder.max(spec.max);
  if (spec.interval !== undefined) builder.interval(spec.interval);
  spec.targets.forEach((target, index) => builder.withTarget(influxTarget(target, index, resultFormat)));
  for (const [name, color] of Object.entries(spec.colours ?? {})) {
    builder.overrideByRegexp(`/(^|: )${name}$/`, [
      { id: 'color', value: { mode: 'fixed', fixedColor: color } },
    ]);
  }
  return builder;
}

/** Time series. */
export function lines(spec: PanelSpec): Builder<Panel> {
  const drawn = spec.drawn ?? 'lines';
  const builder = dress(new TimeseriesBuilder(), spec)
    .drawStyle(drawn === 'bars' ? GraphDrawStyle.Bars : GraphDrawStyle.Line)
    .lineInterpolation(drawn === 'steps' ? LineInterpolation.StepAfter : LineInterpolation.Linear)
    .lineWidth(drawn === 'bars' ? 0 : 2)
    .fillOpacity(drawn === 'bars' ? 80 : 8)
    .showPoints(VisibilityMode.Never)
    .spanNulls(true)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi));
  if (spec.stacked === true)
    builder.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'));
  if (spec.thresholds) {
    builder.thresholdsStyle(
      new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.DashedAndArea),
    );
  }
  return builder;
}

/** The last value, large, over a faint line of how it came about. */
export function stat(spec: PanelSpec): Builder<Panel> {
  return dress(new StatBuilder(), spec)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).fields('').values(false))
    .colorMode(spec.thresholds ? BigValueColorMode.Value : BigValueColorMode.None)
    .graphMode(BigValueGraphMode.Area);
}

/** A bar per series, for many feeders or gateways side by side. */
export function bars(spec: PanelSpec): Builder<Panel> {
  return dress(new BarGaugeBuilder(), spec)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).fields('').values(false))
    .orientation(VizOrientation.Horizontal)
    .displayMode(BarGaugeDisplayMode.Basic);
}

export function table(spec: PanelSpec): Builder<Panel> {
  return dress(new TableBuilder(), spec, 'table');
}
