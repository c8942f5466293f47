import type { DashboardSpec } from '../dashboard.ts';
import { Select } from '../influxql.ts';
import { bars, lines, stat, table } from '../panels.ts';
import { gatewaysUp } from './queries.ts';

const each = (
  aggregate: 'last' | 'max' | 'mean',
  field: 'up' | 'rtt_ms' | 'buffered' | 'dropped' | 'skew_ms',
) => new Select('gateway').pick(aggregate, field).matching('gateway').every().per('gateway');

export const gateways: DashboardSpec = {
  uid: 'commonwatt-gateways',
  title: 'Commonwatt: gateways',
  doc: 'The boxes in the homes: who answers, how fast, what waits, whose clock is off.',
  variables: ['gateway'],
  panels: [
    stat({
      title: 'Up',
      doc: 'Share of all gateways whose devices answered the last poll.',
      targets: [{ query: gatewaysUp, alias: 'up' }],
      unit: 'percent',
      decimals: 0,
      span: 6,
      height: 5,
      thresholds: [
        [0, 'red'],
        [80, 'orange'],
        [95, 'green'],
      ],
    }),
    stat({
      title: 'Readings waiting',
      doc: 'Longest outbox of the chosen gateways.',
      targets: [
        {
          query: new Select('gateway').pick('max', 'buffered').matching('gateway').every(),
          alias: 'waiting',
        },
      ],
      unit: 'short',
      decimals: 0,
      span: 6,
      height: 5,
      thresholds: [
        [4, 'orange'],
        [96, 'red'],
      ],
    }),
    stat({
      title: 'Telemetry given up',
      doc: 'Points dropped since the start, the most of any gateway. Readings for the market are never dropped.',
      targets: [
        { query: new Select('gateway').pick('max', 'dropped').matching('gateway').every(), alias: 'dropped' },
      ],
      unit: 'short',
      decimals: 0,
      span: 6,
      height: 5,
      thresholds: [[1, 'orange']],
    }),
    stat({
      title: 'Widest clock difference',
      doc: 'Device clock against gateway clock. Above a minute, slots’ boundaries are in doubt.',
      targets: [
        {
          query: new Select('gateway').expression('max("skew_ms")', 'skew').matching('gateway').every(),
          alias: 'skew',
        },
      ],
      unit: 'ms',
      decimals: 0,
      span: 6,
      height: 5,
      thresholds: [
        [10_000, 'orange'],
        [60_000, 'red'],
      ],
    }),
    bars({
      title: 'Availability',
      doc: 'Share of polls answered in the time shown, by gateway.',
      targets: [
        {
          query: new Select('gateway')
            .expression('100 * mean("up")', 'availability')
            .matching('gateway')
            .per('gateway'),
          alias: '$tag_gateway',
        },
      ],
      unit: 'percent',
      decimals: 1,
      min: 0,
      max: 100,
      span: 12,
      height: 10,
      thresholds: [
        [0, 'red'],
        [90, 'orange'],
        [99, 'green'],
      ],
    }),
    lines({
      title: 'Poll time by protocol',
      doc: 'Mean time of a poll. A rise on one protocol is its devices or its bus; on both, the machine.',
      targets: [
        {
          query: new Select('gateway').pick('mean', 'rtt_ms', 'poll').every().per('protocol'),
          alias: '$tag_protocol',
        },
      ],
      unit: 'ms',
      min: 0,
      span: 12,
      height: 10,
    }),
    lines({
      title: 'Waiting',
      doc: 'Outbox by gateway.',
      targets: [{ query: each('max', 'buffered'), alias: '$tag_gateway' }],
      unit: 'short',
      min: 0,
      span: 12,
      height: 8,
    }),
    lines({
      title: 'Clock difference',
      doc: 'By gateway, positive when the device is ahead.',
      targets: [{ query: each('mean', 'skew_ms'), alias: '$tag_gateway' }],
      unit: 'ms',
      span: 12,
      height: 8,
    }),
    table({
      title: 'Gateways',
      doc: 'The last of each.',
      targets: [
        {
          query: new Select('gateway')
            .pick('last', 'up', 'up')
            .pick('last', 'rtt_ms', 'poll ms')
            .pick('last', 'buffered', 'waiting')
            .pick('last', 'dropped', 'given up')
            .pick('last', 'skew_ms', 'clock ms')
            .matching('gateway')
            .per('gateway', 'protocol'),
        },
      ],
      unit: 'short',
      span: 24,
      height: 10,
    }),
  ],
};
