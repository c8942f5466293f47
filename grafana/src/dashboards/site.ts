import type { DashboardSpec } from '../dashboard.ts';
import { Select } from '../influxql.ts';
import { lines, stat } from '../panels.ts';
import { SLOT } from './queries.ts';

const meter = new Select('meter').matching('feeder', 'site');
const battery = new Select('battery').matching('feeder', 'site');
const forecast = (target: 'load' | 'pv') =>
  new Select('forecast')
    .pick('mean', 'p10')
    .pick('mean', 'p50')
    .pick('mean', 'p90')
    .pick('mean', 'actual')
    .matching('site')
    .where('target', target)
    .every();
const QUANTILES = { p10: 'gray', p90: 'gray', p50: 'blue', actual: 'green' };

export const site: DashboardSpec = {
  uid: 'commonwatt-site',
  title: 'Commonwatt: one home',
  doc: 'A home behind its meter, found by feeder.',
  variables: ['feeder', 'site'],
  panels: [
    stat({
      title: 'Grid',
      doc: 'At the connection point, positive on import.',
      targets: [{ query: meter.pick('last', 'p_w').every(), alias: 'grid' }],
      unit: 'watt',
      decimals: 1,
      span: 6,
      height: 5,
    }),
    stat({
      title: 'Drawn',
      doc: 'Growth of the import counter in the time shown.',
      targets: [{ query: meter.pick('spread', 'e_imp_wh', 'drawn'), alias: 'drawn' }],
      unit: 'watth',
      decimals: 1,
      span: 6,
      height: 5,
    }),
    stat({
      title: 'Fed in',
      doc: 'Growth of the export counter in the time shown.',
      targets: [{ query: meter.pick('spread', 'e_exp_wh', 'fed in'), alias: 'fed in' }],
      unit: 'watth',
      decimals: 1,
      span: 6,
      height: 5,
    }),
    stat({
      title: 'Battery',
      doc: 'State of charge; no data where there is no battery.',
      targets: [{ query: battery.pick('last', 'soc_pct').every(), alias: 'charge' }],
      unit: 'percent',
      decimals: 0,
      span: 6,
      height: 5,
    }),
    lines({
      title: 'Power',
      doc: 'Grid is positive on import. Used less made less battery is grid.',
      targets: [
        {
          query: meter
            .pick('mean', 'p_w', 'grid')
            .pick('mean', 'load_w', 'used')
            .pick('mean', 'pv_w', 'made')
            .every(),
          alias: '$col',
        },
        { query: battery.pick('mean', 'p_w', 'battery').every(), alias: '$col' },
      ],
      unit: 'watt',
      span: 24,
      height: 9,
      colours: { grid: 'blue', used: 'text', made: 'yellow', battery: 'purple' },
    }),
    lines({
      title: 'Battery, asked and done',
      doc: 'Positive when it discharges into the home.',
      targets: [
        {
          query: battery.pick('mean', 'setpoint_w', 'asked').pick('mean', 'p_w', 'done').every(),
          alias: '$col',
        },
      ],
      unit: 'watt',
      span: 8,
      height: 8,
      colours: { asked: 'gray', done: 'purple' },
    }),
    lines({
      title: 'State of charge',
      doc: 'Of the capacity.',
      targets: [{ query: battery.pick('mean', 'soc_pct', 'charge').every(), alias: '$col' }],
      unit: 'percent',
      min: 0,
      max: 100,
      span: 8,
      height: 8,
      colours: { charge: 'purple' },
    }),
    lines({
      title: 'Voltage',
      doc: 'EN 50160 asks for 207 to 253 V.',
      targets: [{ query: meter.pick('mean', 'v', 'voltage').every(), alias: '$col' }],
      unit: 'volt',
      span: 8,
      height: 8,
      thresholds: [
        [0, 'red'],
        [207, 'green'],
        [253, 'red'],
      ],
    }),
    lines({
      title: 'Load: forecast and actual',
      doc: 'Eight in ten actual values should lie between p10 and p90.',
      targets: [{ query: forecast('load'), alias: '$col' }],
      unit: 'watt',
      min: 0,
      span: 12,
      height: 8,
      interval: SLOT,
      drawn: 'steps',
      colours: QUANTILES,
    }),
    lines({
      title: 'PV: forecast and actual',
      doc: 'As above, for the roof.',
      targets: [{ query: forecast('pv'), alias: '$col' }],
      unit: 'watt',
      min: 0,
      span: 12,
      height: 8,
      interval: SLOT,
      drawn: 'steps',
      colours: QUANTILES,
    }),
  ],
};
