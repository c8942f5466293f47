import { Select } from '../influxql.ts';

/** Queries that more than one dashboard shows. */

/** Points of the market come once a slot; 15 minutes is the shortest slot. */
export const SLOT = '15m';

export const feederPower = new Select('feeder')
  .pick('mean', 'p_w', 'load')
  .matching('feeder')
  .every()
  .per('feeder');
export const feederLimit = new Select('feeder')
  .pick('min', 'limit_w', 'limit')
  .matching('feeder')
  .every()
  .per('feeder');
export const feederLoading = new Select('feeder')
  .pick('mean', 'loading_pct', 'loading')
  .matching('feeder')
  .every()
  .per('feeder');

/** All feeders together: the mean of each in the interval, then their sum. */
export function feedersTogether(field: 'p_w' | 'load_w' | 'pv_w', as: string): string {
  return new Select('feeder')
    .pick('mean', field, 'each')
    .every()
    .per('feeder')
    .outer()
    .take('sum("each")', as);
}

/** Of what the homes drew, the share that came from neighbours, %. */
export const p2pShare = new Select('market')
  .expression('100 * sum("p2p_wh") / (sum("p2p_wh") + sum("grid_import_wh"))', 'share')
  .matching('community')
  .every();

/** 1 - drawn / used, %; what is drawn is the positive part of the feeders’ power: (p + |p|) / 2. */
export const selfSufficiency = new Select('feeder')
  .expression('("p_w" + abs("p_w")) / 2', 'drawn')
  .raw('load_w', 'used')
  .outer()
  .take('100 - 100 * mean("drawn") / mean("used")', 'self-sufficiency');

/** The fleet's charge, weighted by capacity, %. */
export const fleetCharge = new Select('battery')
  .expression('mean("soc_pct") * mean("cap_wh")', 'charge')
  .pick('mean', 'cap_wh', 'capacity')
  .every()
  .per('site')
  .outer()
  .take('sum("charge") / sum("capacity")', 'fleet');

export const price = new Select('market')
  .pick('mean', 'price', 'price')
  .pick('mean', 'floor', 'feed-in')
  .pick('mean', 'cap', 'retail')
  .matching('community')
  .every();

export const gatewaysUp = new Select('gateway')
  .pick('last', 'up', 'each')
  .every()
  .per('gateway')
  .outer()
  .take('100 * mean("each")', 'up');

export const settlementLag = new Select('settlement')
  .pick('max', 'lag_s', 'lag')
  .matching('community')
  .where('status', 'final')
  .every();

export const newestEvents = new Select('event')
  .raw('severity')
  .raw('kind')
  .raw('feeder')
  .raw('title')
  .raw('text');
