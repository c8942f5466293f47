import type { DashboardSpec } from '../dashboard.ts';
import { Select } from '../influxql.ts';
import { bars, lines, stat, table } from '../panels.ts';
import { fleetCharge } from './queries.ts';

const each = new Select('battery').matching('feeder').every().per('site');

export const storage: DashboardSpec = {
  uid: 'commonwatt-storage',
  title: 'Commonwatt: storage fleet',
  doc: 'What the batteries hold, what they do, and whether they do what they are asked.',
  variables: ['feeder'],
  panels: [
    stat({
      title: 'State of charge',
      doc: 'All batteries, weighted by capacity.',
      targets: [{ query: fleetCharge, alias: 'fleet' }],
      unit: 'percent',
      decimals: 0,
      span: 6,
      height: 5,
    }),
    stat({
      title: 'Stored',
      doc: 'Energy in the chosen feeders’ batteries.',
      targets: [
        {
          query: each
            .expression('mean("soc_pct") * mean("cap_wh") / 100', 'each')
            .outer()
            .take('sum("each")', 'stored'),
          alias: 'stored',
        },
      ],
      unit: 'watth',
      decimals: 1,
      span: 6,
      height: 5,
    }),
    stat({
      title: 'Capacity',
      doc: 'Of the batteries heard.',
      targets: [
        {
          query: each.pick('mean', 'cap_wh', 'each').outer().take('sum("each")', 'capacity'),
          alias: 'capacity',
        },
      ],
      unit: 'watth',
      decimals: 1,
      span: 6,
      height: 5,
    }),
    stat({
      title: 'Power',
      doc: 'Positive: the fleet gives. Negative: it charges.',
      targets: [
        { query: each.pick('mean', 'p_w', 'each').outer().take('sum("each")', 'power'), alias: 'power' },
      ],
      unit: 'watt',
      decimals: 1,
      span: 6,
      height: 5,
    }),
    lines({
      title: 'Asked and done',
      doc: 'Sum of setpoints and of measured power, positive when discharging. A lasting gap: full, empty or clamped batteries.',
      targets: [
        {
          query: each.pick('mean', 'setpoint_w', 'each').outer().take('sum("each")', 'asked'),
          alias: 'asked',
        },
        { query: each.pick('mean', 'p_w', 'each').outer().take('sum("each")', 'done'), alias: 'done' },
      ],
      unit: 'watt',
      span: 12,
      height: 9,
      colours: { asked: 'gray', done: 'purple' },
    }),
    lines({
      title: 'State of charge by home',
      doc: 'They should not all move as one: the agents decide for themselves.',
      targets: [{ query: each.pick('mean', 'soc_pct', 'charge'), alias: '$tag_site' }],
      unit: 'percent',
      min: 0,
      max: 100,
      span: 12,
      height: 9,
    }),
    bars({
      title: 'Now',
      doc: 'State of charge of each battery.',
      targets: [{ query: each.pick('last', 'soc_pct', 'charge'), alias: '$tag_site' }],
      unit: 'percent',
      decimals: 0,
      min: 0,
      max: 100,
      span: 12,
      height: 10,
      thresholds: [
        [0, 'orange'],
        [20, 'green'],
      ],
    }),
    table({
      title: 'Batteries',
      doc: 'The last of each.',
      targets: [
        {
          query: new Select('battery')
            .pick('last', 'soc_pct', 'charge %')
            .pick('last', 'p_w', 'power W')
            .pick('last', 'setpoint_w', 'asked W')
            .pick('last', 'cap_wh', 'capacity Wh')
            .matching('feeder')
            .per('site'),
        },
      ],
      unit: 'short',
      span: 12,
      height: 10,
    }),
  ],
};
