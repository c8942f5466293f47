import type { DashboardSpec } from '../dashboard.ts';
import { Select } from '../influxql.ts';
import { lines, stat, table } from '../panels.ts';
import { feederLimit, feederLoading, feederPower, newestEvents } from './queries.ts';

/** EN 50160: 230 V, plus or minus 10 %. */
const V_LOW = 207;
const V_HIGH = 253;

export const feeders: DashboardSpec = {
  uid: 'commonwatt-feeders',
  title: 'Commonwatt: feeders',
  doc: 'Loading, reverse flow and the voltage band of each feeder.',
  variables: ['feeder'],
  panels: [
    stat({
      title: 'Loading now',
      doc: 'In per cent of the limit in force. The alerts fire at 90 and 100.',
      targets: [{ query: feederLoading, alias: '$tag_feeder' }],
      unit: 'percent',
      decimals: 0,
      span: 8,
      height: 5,
      thresholds: [
        [90, 'orange'],
        [100, 'red'],
      ],
    }),
    stat({
      title: 'Highest loading',
      doc: 'The highest of the time shown.',
      targets: [
        {
          query: new Select('feeder').pick('max', 'loading_pct', 'highest').matching('feeder').per('feeder'),
          alias: '$tag_feeder',
        },
      ],
      unit: 'percent',
      decimals: 0,
      span: 8,
      height: 5,
      thresholds: [
        [90, 'orange'],
        [100, 'red'],
      ],
    }),
    stat({
      title: 'Homes heard',
      doc: 'Homes with a fresh reading. Loading is only as good as this.',
      targets: [
        {
          query: new Select('feeder')
            .pick('last', 'sites_online', 'homes')
            .matching('feeder')
            .every()
            .per('feeder'),
          alias: '$tag_feeder',
        },
      ],
      unit: 'short',
      decimals: 0,
      span: 8,
      height: 5,
    }),
    lines({
      title: 'Load against limit',
      doc: 'Positive on import. The red line is the import limit in force.',
      targets: [
        { query: feederPower, alias: '$tag_feeder: load' },
        { query: feederLimit, alias: '$tag_feeder: limit' },
      ],
      unit: 'watt',
      span: 24,
      height: 9,
      colours: { limit: 'red' },
    }),
    lines({
      title: 'Loading',
      doc: 'Absolute power in per cent of the limit; dashed at 90 and 100.',
      targets: [{ query: feederLoading, alias: '$tag_feeder' }],
      unit: 'percent',
      min: 0,
      span: 12,
      height: 8,
      thresholds: [
        [90, 'orange'],
        [100, 'red'],
      ],
    }),
    lines({
      title: 'Reverse flow',
      doc: 'Power into the medium-voltage grid: the negative part of the load, drawn upwards. Zero while the feeder imports.',
      targets: [
        {
          query: new Select('feeder')
            .expression('(abs("p_w") - "p_w") / 2', 'out')
            .matching('feeder')
            .outer()
            .take('max("out")', 'reverse', { per: ['feeder'] }),
          alias: '$tag_feeder',
        },
      ],
      unit: 'watt',
      min: 0,
      span: 12,
      height: 8,
    }),
    lines({
      title: 'Voltage band',
      doc: 'Lowest and highest voltage of the homes. EN 50160 asks for 207 to 253 V; near the top by day is too much PV at the feeder’s end, near the bottom in the evening too much load.',
      targets: [
        {
          query: new Select('feeder').pick('min', 'v_min', 'lowest').matching('feeder').every().per('feeder'),
          alias: '$tag_feeder: lowest',
        },
        {
          query: new Select('feeder')
            .pick('max', 'v_max', 'highest')
            .matching('feeder')
            .every()
            .per('feeder'),
          alias: '$tag_feeder: highest',
        },
      ],
      unit: 'volt',
      min: V_LOW - 7,
      max: V_HIGH + 7,
      span: 12,
      height: 8,
      thresholds: [
        [0, 'red'],
        [V_LOW, 'green'],
        [V_HIGH, 'red'],
      ],
    }),
    lines({
      title: 'Used and made',
      doc: 'What the homes on the feeder use and what their roofs make.',
      targets: [
        {
          query: new Select('feeder').pick('mean', 'load_w', 'used').matching('feeder').every().per('feeder'),
          alias: '$tag_feeder: used',
        },
        {
          query: new Select('feeder').pick('mean', 'pv_w', 'made').matching('feeder').every().per('feeder'),
          alias: '$tag_feeder: made',
        },
      ],
      unit: 'watt',
      min: 0,
      span: 12,
      height: 8,
      colours: { made: 'yellow' },
    }),
    lines({
      title: 'Losses',
      doc: 'Energy of a slot that came in through the feeder meter and no home’s meter accounts for, against what may be lost. Above: something draws without a meter. Below zero: a meter is wrong.',
      targets: [
        {
          query: new Select('feeder')
            .pick('mean', 'diff_wh', 'difference')
            .matching('feeder')
            .every()
            .per('feeder'),
          alias: '$tag_feeder: difference',
        },
        {
          query: new Select('feeder')
            .pick('mean', 'loss_max_wh', 'limit')
            .matching('feeder')
            .every()
            .per('feeder'),
          alias: '$tag_feeder: limit',
        },
      ],
      unit: 'watth',
      span: 18,
      height: 8,
      colours: { limit: 'red' },
    }),
    stat({
      title: 'Meters to look at',
      doc: 'Meters that the differences of the last two weeks point at; `GET /v1/feeder` and the page name them.',
      targets: [
        {
          query: new Select('feeder').pick('last', 'suspects', 'meters').matching('feeder').per('feeder'),
          alias: '$tag_feeder',
        },
      ],
      unit: 'short',
      decimals: 0,
      span: 6,
      height: 8,
      thresholds: [[1, 'orange']],
    }),
    table({
      title: 'Events',
      doc: 'The newest events on the chosen feeders.',
      targets: [{ query: newestEvents.matching('feeder').newest(100) }],
      unit: 'none',
      span: 24,
      height: 8,
    }),
  ],
};
