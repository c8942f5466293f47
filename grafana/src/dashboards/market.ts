import type { DashboardSpec } from '../dashboard.ts';
import { Select } from '../influxql.ts';
import { lines, stat, table } from '../panels.ts';
import { price, settlementLag, SLOT } from './queries.ts';

export const market: DashboardSpec = {
  uid: 'commonwatt-market',
  title: 'Commonwatt: market and settlement',
  doc: 'Prices, books, and what became of them on chain.',
  variables: ['community'],
  panels: [
    stat({
      title: 'Price',
      doc: 'Clearing price of the last slot with a trade.',
      targets: [
        { query: new Select('market').pick('last', 'price').matching('community').every(), alias: 'price' },
      ],
      unit: 'suffix: EUR/kWh',
      decimals: 3,
      span: 6,
      height: 5,
      interval: SLOT,
    }),
    stat({
      title: 'Slots settled',
      doc: 'Slots in final batches in the time shown.',
      targets: [
        {
          query: new Select('settlement')
            .pick('sum', 'count', 'slots')
            .matching('community')
            .where('status', 'final'),
          alias: 'slots',
        },
      ],
      unit: 'short',
      decimals: 0,
      span: 6,
      height: 5,
    }),
    stat({
      title: 'Paid on chain',
      doc: 'Sum of final batches in the time shown.',
      targets: [
        {
          query: new Select('settlement')
            .pick('sum', 'amount', 'paid')
            .matching('community')
            .where('status', 'final'),
          alias: 'paid',
        },
      ],
      unit: 'suffix: EUR',
      decimals: 2,
      span: 6,
      height: 5,
    }),
    stat({
      title: 'Settlement lag',
      doc: 'From the end of a batch’s last slot to its finality.',
      targets: [{ query: settlementLag, alias: 'lag' }],
      unit: 's',
      decimals: 0,
      span: 6,
      height: 5,
      thresholds: [
        [7200, 'orange'],
        [86_400, 'red'],
      ],
    }),
    lines({
      title: 'Price in its band',
      doc: 'Between the feed-in price and the retail price.',
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
      title: 'Traded',
      doc: 'Energy between neighbours per slot.',
      targets: [
        {
          query: new Select('market').pick('sum', 'p2p_wh', 'traded').matching('community').every(),
          alias: '$col',
        },
      ],
      unit: 'watth',
      min: 0,
      span: 12,
      height: 8,
      interval: SLOT,
      drawn: 'bars',
    }),
    lines({
      title: 'Orders in the book',
      doc: 'Per slot. One side at zero: no trade is possible.',
      targets: [
        {
          query: new Select('market').pick('sum', 'bids').pick('sum', 'offers').matching('community').every(),
          alias: '$col',
        },
      ],
      unit: 'short',
      min: 0,
      span: 12,
      height: 8,
      interval: SLOT,
      drawn: 'steps',
    }),
    lines({
      title: 'Imbalance',
      doc: 'Sum of the absolute differences between what was traded and what was metered, per batch. It falls as the forecasts learn.',
      targets: [
        {
          query: new Select('settlement')
            .pick('sum', 'imbalance_wh', 'imbalance')
            .matching('community')
            .where('status', 'final')
            .every(),
          alias: '$col',
        },
      ],
      unit: 'watth',
      min: 0,
      span: 12,
      height: 8,
      drawn: 'bars',
    }),
    lines({
      title: 'Lag by status',
      doc: 'How long after its last slot a batch reaches each status.',
      targets: [
        {
          query: new Select('settlement')
            .pick('max', 'lag_s', 'lag')
            .matching('community')
            .every()
            .per('status'),
          alias: '$tag_status',
        },
      ],
      unit: 's',
      min: 0,
      span: 24,
      height: 8,
    }),
    table({
      title: 'Batches',
      doc: 'The newest steps of settlement.',
      targets: [
        {
          query: new Select('settlement')
            .raw('status')
            .raw('count', 'slots')
            .raw('amount', 'EUR')
            .raw('imbalance_wh', 'imbalance Wh')
            .raw('lag_s', 'lag s')
            .matching('community')
            .newest(100),
        },
      ],
      unit: 'short',
      span: 24,
      height: 9,
    }),
    lines({
      title: 'Batches on their way',
      doc: 'Batches that are not final, and how long the oldest has waited.',
      targets: [
        {
          query: new Select('chain')
            .pick('max', 'pending')
            .pick('max', 'pending_s', 'waiting s')
            .matching('community')
            .every(),
          alias: '$col',
        },
      ],
      unit: 'short',
      min: 0,
      span: 12,
      height: 8,
    }),
    lines({
      title: 'Node and finality',
      doc: 'Blocks that are not final yet, and seconds since the node last answered.',
      targets: [
        {
          query: new Select('chain')
            .pick('max', 'lag_blocks', 'lag blocks')
            .pick('max', 'silent_s', 'silent s')
            .matching('community')
            .every(),
          alias: '$col',
        },
      ],
      unit: 'short',
      min: 0,
      span: 12,
      height: 8,
    }),
    stat({
      title: 'Fees last for',
      doc: 'Days the settlement account’s native token pays fees for, at the mean so far.',
      targets: [
        { query: new Select('chain').pick('last', 'fee_days', 'days').matching('community'), alias: 'days' },
      ],
      unit: 'd',
      decimals: 1,
      span: 8,
      height: 5,
    }),
    stat({
      title: 'Approvals last for',
      doc: 'Days until the first balance or approval runs out, at its mean draw.',
      targets: [
        {
          query: new Select('chain').pick('last', 'approval_days', 'days').matching('community'),
          alias: 'days',
        },
      ],
      unit: 'd',
      decimals: 1,
      span: 8,
      height: 5,
    }),
    stat({
      title: 'Funds for fees',
      doc: 'Native token of the settlement account.',
      targets: [{ query: new Select('chain').pick('last', 'funds').matching('community'), alias: 'funds' }],
      unit: 'short',
      decimals: 4,
      span: 8,
      height: 5,
    }),
  ],
};
