import { expect, test } from 'vitest';
import { influxSchema, MEASUREMENTS } from './schema.ts';

test('every measurement of the neighbourhood, with its tags and integers', () => {
  const schema = influxSchema();
  expect(schema.map(({ measurement }) => measurement)).toEqual([
    'meter',
    'feeder',
    'battery',
    'market',
    'settlement',
    'chain',
    'gateway',
    'forecast',
    'event',
  ]);
  const integers = schema.flatMap(({ measurement, fields }) =>
    Object.entries(fields)
      .filter(([, type]) => type === 'integer')
      .map(([field]) => `${measurement}.${field}`),
  );
  expect(integers).toEqual([
    'meter.e_imp_wh',
    'meter.e_exp_wh',
    'feeder.sites_online',
    'feeder.e_imp_wh',
    'feeder.e_exp_wh',
    'feeder.diff_wh',
    'feeder.loss_max_wh',
    'feeder.suspects',
    'market.p2p_wh',
    'market.grid_import_wh',
    'market.grid_export_wh',
    'market.bids',
    'market.offers',
    'settlement.count',
    'settlement.imbalance_wh',
    'chain.pending',
    'chain.lag_blocks',
    'chain.finalized',
    'chain.approvals_low',
    'chain.alarms',
    'gateway.up',
    'gateway.buffered',
    'gateway.dropped',
  ]);
});

test('names need no escaping, and no name is tag and field at once', () => {
  for (const [measurement, { tags, fields }] of Object.entries(MEASUREMENTS)) {
    const names = [...Object.keys(tags), ...Object.keys(fields)];
    expect([...new Set(names)]).toEqual(names);
    for (const name of [measurement, ...names]) expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
  }
});
