import { expect, it } from 'vitest';
import { IdNumbers } from './id-numbers.ts';
import { textReader } from './text-table.ts';

it('numbers ids by first appearance, however many there are', () => {
  const numbers = new IdNumbers(20_000);
  const known = new Map<string, number>();
  for (let n = 0; n < 20_000; n++) {
    const id = `home-${(n * 7919) % 6000}`;
    if (!known.has(id)) known.set(id, known.size);
    expect(numbers.numberOf(id)).toBe(known.get(id));
  }
  const table = numbers.table();
  expect(Array.from({ length: table.count }, (_, n) => n).map(textReader(table))).toEqual([...known.keys()]);
  expect(numbers.numberOf('a/b')).toBe(-1);
  expect(numbers.count).toBe(6000);
});
