import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fakeModbus } from '../test/fake-modbus.ts';
import { block, common, sunspecMap, u32 } from '../test/fake-sunspec.ts';
import { openConnections } from './connect.ts';
import { calendarMs, instantOf, isTimezone } from './device-clock.ts';
import { decodeClock } from './modbus/profile-clock.ts';
import { loadProfile } from './profile/load.ts';

const utc = (text: string): number => Date.parse(`${text}Z`);

test.each([
  ['two digits of a year', [26, 6, 1, 12, 30, 15], '2026-06-01T12:30:15'],
  ['a whole year', [2026, 12, 31, 23, 59, 59], '2026-12-31T23:59:59'],
  ['a leap day', [24, 2, 29, 0, 0, 0], '2024-02-29T00:00:00'],
  ['no such day', [26, 2, 29, 0, 0, 0], undefined],
  ['never set', [0, 0, 0, 0, 0, 0], undefined],
  ['nonsense', [26, 13, 1, 0, 0, 0], undefined],
  ['cut off', [26, 6, 1], undefined],
])('a calendar: %s', (_name, registers, text) => {
  expect(calendarMs(registers)).toBe(text === undefined ? undefined : utc(text));
});

test.each([
  ['winter', '2026-01-15T12:00:00', '2026-01-15T11:00:00'],
  ['summer', '2026-07-15T12:00:00', '2026-07-15T10:00:00'],
  ['just before the clocks go forward', '2026-03-29T01:59:59', '2026-03-29T00:59:59'],
  ['just after', '2026-03-29T03:00:00', '2026-03-29T01:00:00'],
  ['the hour that comes twice: the first', '2026-10-25T02:30:00', '2026-10-25T00:30:00'],
  ['after it', '2026-10-25T03:00:00', '2026-10-25T02:00:00'],
])('local time in Berlin: %s', (_name, local, instant) => {
  expect(instantOf(utc(local), 'Europe/Berlin')).toBe(utc(instant));
});

test('property: a local time that exists is placed where a wall clock shows it', () => {
  const show = new Intl.DateTimeFormat('sv-SE', {
    timeZone: 'America/Toronto',
    dateStyle: 'short',
    timeStyle: 'medium',
  });
  fc.assert(
    fc.property(fc.integer({ min: utc('2024-01-01T00:00:00'), max: utc('2030-01-01T00:00:00') }), (ms) => {
      const whole = Math.floor(ms / 1000) * 1000;
      const local = utc(show.format(whole).replace(' ', 'T'));
      // In the hour that comes twice it is the first.
      expect([0, 3_600_000]).toContain(whole - instantOf(local, 'America/Toronto'));
    }),
  );
});

test('zones', () => {
  expect(isTimezone('Europe/Berlin')).toBe(true);
  expect(isTimezone('Europe/Atlantis')).toBe(false);
});

test('a clock in local time is told only where its zone is known', () => {
  const profile = loadProfile('janitza-umg96rm');
  if (profile.protocol !== 'modbus' || !profile.clock) throw new Error('Janitza has a clock');
  const words = [26, 7, 15, 12, 0, 0];
  expect(decodeClock(words, profile.clock, undefined, 'high-first')).toBeUndefined();
  expect(decodeClock(words, profile.clock, 'Europe/Berlin', 'high-first')).toBe(utc('2026-07-15T10:00:00'));
  const huawei = { address: 40_000, format: 'epoch-s', zone: 'local' } as const;
  const seconds = utc('2026-07-15T12:00:00') / 1000;
  expect(decodeClock(u32(seconds), huawei, 'Europe/Berlin', 'high-first')).toBe(utc('2026-07-15T10:00:00'));
  expect(decodeClock([0, 0], huawei, 'Europe/Berlin', 'high-first')).toBeUndefined();
});

test.each([
  ['janitza-umg96rm', 3, 512, [26, 7, 15, 12, 0, 0]],
  ['sungrow-sh', 3, 4999, [2026, 7, 15, 12, 0, 0]],
  ['huawei-luna2000', 3, 40_000, u32(utc('2026-07-15T12:00:00') / 1000)],
])('%s tells its time with function %i at %i', async (name, code, address, words) => {
  const fake = await fakeModbus();
  const connections = openConnections({ pkiFolder: '/nonexistent' });
  try {
    fake.set(address, words);
    const device = (over: object) =>
      connections.device({
        id: 'device',
        role: 'battery',
        protocol: 'modbus-tcp',
        host: '127.0.0.1',
        port: fake.port,
        unitId: 1,
        profile: name,
        ...over,
      });
    expect(device({}).clock).toBeUndefined();
    expect(await device({ timezone: 'Europe/Berlin' }).clock?.()).toBe(utc('2026-07-15T10:00:00'));
    expect(fake.requests).toEqual([{ unit: 1, code, address, count: words.length }]);
  } finally {
    await connections.closeAll();
    await fake.close();
  }
});

test('profiles of makes without a clock have none', () => {
  for (const name of [
    'sdm630',
    'em340',
    'em24',
    'iem3155',
    'abb-b23',
    'solaredge-storedge',
    'victron-gx-battery',
  ])
    expect(loadProfile(name)).not.toHaveProperty('clock');
});

test.each([
  [
    '122',
    block(122, 44, { 41: u32((utc('2026-06-01T12:00:00') - utc('2000-01-01T00:00:00')) / 1000) }),
    true,
  ],
  ['122 without a time', block(122, 44, {}), false],
  ['no model with a clock', block(121, 30, {}), false],
])('SunSpec model %s', async (_name, model, tells) => {
  const fake = await fakeModbus();
  const connections = openConnections({ pkiFolder: '/nonexistent' });
  try {
    sunspecMap(fake, [common('A', 'B', 'C'), block(203, 105, { 18: 5, 22: 0 }), model]);
    const device = connections.device({
      id: 'meter',
      role: 'grid-meter',
      protocol: 'modbus-tcp',
      host: '127.0.0.1',
      port: fake.port,
      unitId: 1,
      profile: 'sunspec',
    });
    expect(await device.clock?.()).toBe(tells ? utc('2026-06-01T12:00:00') : undefined);
  } finally {
    await connections.closeAll();
    await fake.close();
  }
});
