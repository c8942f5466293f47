import type { DashboardSpec } from '../dashboard.ts';
import { Select } from '../influxql.ts';
import { bars, lines, stat, table } from '../panels.ts';
import {
  feederLimit,
  feederLoading,
  feederPower,
  fleetCharge,
  gatewaysUp,
  newestEvents,
  p2pShare,
  price,
  selfSufficiency,
  settlementLag,
  SLOT,
} from './queries.ts';

const LOADING = [
  [90, 'orange'],
  [100, 'red'],
] as const;

/** The first page of an operator's day: is the feeder all right, does the market work, is anything silent. */
export const operator: DashboardSpec = {
  uid: 'commonwatt-operator',
  title: 'Commonwatt: operator',
  doc: 'The community and its feeder at a glance: load against limit, where the energy came from, price, storage, the health of gateways and settlement.',
  variables: ['community', 'feeder'],
  panels: [
    bars({
      title: 'Feeder loading',
      doc: 'Power through the transformer in per cent of the limit in force, either way. Orange from 90, red from 100: the same values the alerts use.',
      targets: [{ query: feederLoading, alias: '$tag_feeder' }],
      unit: 'percent',
      decimals: 0,
      min: 0,
      max: 120,
      span: 6,
      height: 5,
      thresholds: LOADING,
    }),
    stat({
      title: 'From neighbours',
      doc: 'Of what the homes drew in a slot, the share that came from neighbours.',
      targets: [{ query: p2pShare, alias: 'share' }],
      unit: 'percent',
      decimals: 0,
      span: 3,
      height: 5,
      interval: SLOT,
    }),
    stat({
      title: 'Self-sufficiency',
      doc: 'Share of consumption that did not come over the transformer. 100 means the neighbourhood carried itself.',
      targets: [{ query: selfSufficiency, alias: 'self-sufficiency' }],
      unit: 'percent',
      decimals: 0,
      span: 3,
      height: 5,
    }),
    stat({
      title: 'Price',
      doc: 'Clearing price of the last slot with a trade.',
      targets: [
        { query: new Select('market').pick('last', 'price').matching('community').every(), alias: 'price' },
      ],
      unit: 'suffix: EUR/kWh',
      decimals: 3,
      span: 3,
      height: 5,
      interval: SLOT,
    }),
    stat({
      title: 'Batteries',
      doc: 'State of charge of all batteries, weighted by capacity.',
      targets: [{ query: fleetCharge, alias: 'fleet' }],
      unit: 'percent',
      decimals: 0,
      span: 3,
      height: 5,
    }),
    stat({
      title: 'Gateways up',
      doc: 'Share of gateways whose devices answered the last poll. Below 95 some homes are being estimated.',
      targets: [{ query: gatewaysUp, alias: 'up' }],
      unit: 'percent',
      decimals: 0,
      span: 3,
      height: 5,
      thresholds: [
        [0, 'red'],
        [80, 'orange'],
        [95, 'green'],
      ],
    }),
    stat({
      title: 'Settlement lag',
      doc: 'From the end of a batch’s last slot to its finality on chain.',
      targets: [{ query: settlementLag, alias: 'lag' }],
      unit: 's',
      decimals: 0,
      span: 3,
      height: 5,
      thresholds: [
        [7200, 'orange'],
        [86_400, 'red'],
      ],
    }),
    lines({
      title: 'Load against limit',
      doc: 'Power through the transformer, positive on import, and the import limit in force. A demand signal shows as a lower limit; the load should step down with it.',
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
      title: 'Import and export',
      doc: 'Energy over the transformer and energy traded between neighbours, per slot. Export is drawn downwards.',
      targets: [
        {
          query: new Select('market')
            .pick('sum', 'grid_import_wh', 'import')
            .expression('-1 * sum("grid_export_wh")', 'export')
            .pick('sum', 'p2p_wh', 'between neighbours')
            .matching('community')
            .every(),
          alias: '$col',
        },
      ],
      unit: 'watth',
      span: 12,
      height: 8,
      interval: SLOT,
      drawn: 'bars',
      colours: { import: 'blue', export: 'yellow', 'between neighbours': 'green' },
    }),
    lines({
      title: 'Price in its band',
      doc: 'The clearing price lies between the feed-in price and the retail price. Near retail: scarce sun. Near feed-in: more sun than neighbours can use.',
      targets: [{ query: price, alias: '$col' }],
      unit: 'suffix: EUR/kWh',
      decimals: 3,
      span: 12,
      height: 8,
      interval: SLOT,
      drawn: 'steps',
      colours: { price: 'green', 'feed-in': 'gray', retail: 'gray' },
    }),
    lines({
      title: 'State of charge of the fleet',
      doc: 'All batteries together. Flat at 0 or 100 means they can answer no signal in that direction.',
      targets: [{ query: fleetCharge, alias: 'fleet' }],
      unit: 'percent',
      min: 0,
      max: 100,
      span: 8,
      height: 7,
      colours: { fleet: 'purple' },
    }),
    lines({
      title: 'Readings waiting at gateways',
      doc: 'Longest outbox of all gateways. It grows while the market cannot be reached and empties by itself afterwards; nothing is lost.',
      targets: [{ query: new Select('gateway').pick('max', 'buffered').every(), alias: 'waiting' }],
      unit: 'short',
      min: 0,
      span: 8,
      height: 7,
    }),
    lines({
      title: 'Settlement lag',
      doc: 'By batch, from the end of its last slot to finality.',
      targets: [{ query: settlementLag, alias: 'lag' }],
      unit: 's',
      min: 0,
      span: 8,
      height: 7,
    }),
    table({
      title: 'Events',
      doc: 'The newest events on the chosen feeders; they are the lines on the charts above.',
      targets: [{ query: newestEvents.matching('feeder').newest(50) }],
      unit: 'none',
      span: 24,
      height: 8,
    }),
  ],
};
