import { describe, expect, it } from 'vitest';
import { readRuleChanges } from './rules.ts';

describe('rules that a community changes', () => {
  it('are taken as they are', () => {
    const changes = { networkFeeMicroPerKwh: 20_000, mechanism: 'mcafee', kPercent: 0 };
    expect(readRuleChanges(changes, 'rules.json')).toEqual(changes);
  });

  it.each<[unknown, string | undefined]>([
    [[], undefined],
    [{ tariff: 1 }, 'tariff'],
    [{ kPercent: 101 }, 'kPercent'],
    [{ kPercent: 0.5 }, 'kPercent'],
    [{ mechanism: 'vickrey' }, 'mechanism'],
    [{ feedInMicroPerKwh: 300_000 }, 'feedInMicroPerKwh'],
    [{ slotMinutes: 30 }, 'slotMinutes'],
  ])('%j is refused, with the field', (value, field) => {
    expect(() => readRuleChanges(value, 'rules.json')).toThrow(
      expect.objectContaining({
        place: expect.objectContaining({ record: 'rules.json', ...(field === undefined ? {} : { field }) }),
      }),
    );
  });
});
