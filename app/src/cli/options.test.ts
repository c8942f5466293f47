import { describe, expect, it } from 'vitest';
import { httpUrl, nodeUrl, readOptions, wholeNumber } from './options.ts';
import { timeOf } from './signal.ts';

describe('options', () => {
  it.each([
    [['--homes'], 'homes'],
    [['--nonsense', '1'], 'nonsense'],
    [['stray'], 'stray'],
  ])('%j is refused with its name', (args, name) => {
    expect(() => readOptions(args, { homes: { type: 'string' } })).toThrow(name);
  });

  it.each(['0', '501', '1.5', '-3', 'abc', '', '1e2', '9'.repeat(20)])(
    '--homes %j is refused with the range',
    (text) => {
      expect(() => wholeNumber('homes', text, 1, 500)).toThrow('--homes takes a whole number from 1 to 500');
    },
  );

  it.each(['', 'here', '127.0.0.1:9944', 'http://127.0.0.1:9944'])('--chain %j is refused', (text) => {
    expect(() => nodeUrl(text)).toThrow('--chain takes the address of a node');
  });

  it.each(['', 'here', '127.0.0.1:4280', 'ws://127.0.0.1:4280'])('--market %j is refused', (text) => {
    expect(() => httpUrl('market', text)).toThrow('--market takes an http address');
  });

  it('absent is absent', () => expect(wholeNumber('homes', undefined, 1, 500)).toBeUndefined());

  const NOW_MS = Date.parse('2026-06-01T12:34:00Z');
  it.each([
    ['+90m', '2026-06-01T14:04:00Z'],
    ['+2h', '2026-06-01T14:34:00Z'],
    ['18:00', '2026-06-01T18:00:00Z'],
    ['2026-06-01T18:00', '2026-06-01T18:00:00Z'],
    ['2026-06-01T18:00Z', '2026-06-01T18:00:00Z'],
    ['2026-06-01T18:00+02:00', '2026-06-01T16:00:00Z'],
    ['2026-06-02', '2026-06-02T00:00:00Z'],
  ])('--from %s is %s', (text, iso) => expect(timeOf('from', text, NOW_MS)).toBe(Date.parse(iso)));

  it.each(['soon', '25:00', '2026-13-01', '+1d', ''])('--from %j is refused', (text) => {
    expect(() => timeOf('from', text, NOW_MS)).toThrow('--from');
  });
});
