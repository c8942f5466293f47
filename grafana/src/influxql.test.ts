import { expect, test } from 'vitest';
import { Select, tagValues } from './influxql.ts';

test('a query is bounded, quoted and grouped', () => {
  const query = new Select('feeder').pick('mean', 'p_w', 'load').matching('feeder').every().per('feeder');
  expect(String(query)).toBe(
    'SELECT mean("p_w") AS "load" FROM "feeder" WHERE $timeFilter AND "feeder" =~ /^${feeder:regex}$/ GROUP BY time($__interval), "feeder" fill(none)',
  );
});

test('the time filter goes into both levels of a nested one', () => {
  const query = new Select('battery')
    .pick('mean', 'p_w', 'each')
    .every()
    .per('site')
    .outer()
    .take('sum("each")', 'sum');
  expect(query).toBe(
    'SELECT sum("each") AS "sum" FROM (SELECT mean("p_w") AS "each" FROM "battery" WHERE $timeFilter GROUP BY time($__interval), "site" fill(none)) WHERE $timeFilter GROUP BY time($__interval) fill(none)',
  );
});

test('steps do not change what they start from', () => {
  const base = new Select('gateway').pick('last', 'up');
  base.every();
  expect(String(base)).toBe('SELECT last("up") AS "up" FROM "gateway" WHERE $timeFilter');
});

test('tables: raw fields, the newest first', () => {
  expect(String(new Select('settlement').raw('status').raw('count', 'slots').newest(5))).toBe(
    'SELECT "status", "count" AS "slots" FROM "settlement" WHERE $timeFilter ORDER BY time DESC LIMIT 5',
  );
});

test.each(["it's", '${x}', 'a\nb', 'a\\'])(
  'a tag value that could end its quotes is refused: %j',
  (value) => {
    expect(() => new Select('settlement').where('status', value)).toThrow(RangeError);
  },
);

test('values of a tag, narrowed by another', () => {
  expect(tagValues('meter', 'site', 'feeder')).toBe(
    'SHOW TAG VALUES FROM "meter" WITH KEY = "site" WHERE "feeder" =~ /^${feeder:regex}$/',
  );
});
