import { expect, test } from 'vitest';
import { expandMacros } from './macros.ts';

const context = {
  fromMs: 1000,
  toMs: 2000,
  interval: '30s',
  variables: { feeder: ['a.1', 'b'], site: ['home-03'] },
};

test('time, interval, one value and several', () => {
  expect(expandMacros('$timeFilter GROUP BY time($__interval)', context)).toBe(
    'time >= 1000ms and time <= 2000ms GROUP BY time(30s)',
  );
  expect(expandMacros('"site" =~ /^${site:regex}$/', context)).toBe('"site" =~ /^home-03$/');
  expect(expandMacros('"feeder" =~ /^${feeder:regex}$/', context)).toBe(String.raw`"feeder" =~ /^(a\.1|b)$/`);
});

test.each(['${community:regex}', '$__interval_ms', '${feeder}', '$feeder'])(
  '%s is not let through',
  (query) => {
    expect(() => expandMacros(query, context)).toThrow(/has no value|unknown macro/);
  },
);
