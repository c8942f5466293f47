import { readFileSync } from 'node:fs';
import { canonicalJson, sha256Hex, type Clearing, type MechanismName } from '@commonwatt/domain';
import { describe, expect, it } from 'vitest';
import { bookOf } from './auction/books.fixture.ts';
import { freezeBook } from './auction/freeze-book.ts';
import { clearBook } from './auction/mechanisms.ts';
import { parseBook } from './auction/parse-book.ts';

const PAGE = readFileSync(new URL('../../docs/market-rules.md', import.meta.url), 'utf8');
const JSON_BLOCKS = [...PAGE.matchAll(/```json\n([\s\S]*?)```/g)].map(
  ([, json]) => JSON.parse(json ?? '') as unknown,
);
const TEXT_BLOCK = /```text\n(.*)\n```/.exec(PAGE)?.[1] ?? '';

/** Rows of two code cells below the heading that names the mechanism. */
function examplesOf(mechanism: MechanismName): [book: string, result: string][] {
  const from = PAGE.indexOf(
    mechanism === 'uniform' ? '### Worked examples: `uniform`' : `### \`${mechanism}\``,
  );
  const section = PAGE.slice(from, PAGE.indexOf('\n##', from + 5));
  return [...section.matchAll(/^\| `(.*?)` +\| `(.*?)` +\|$/gm)].map((row) => [row[1] ?? '', row[2] ?? '']);
}

function shown({ volumeWh, priceInterval, priceMicroPerKwh, fills }: Clearing): string {
  if (volumeWh === 0) return 'nothing';
  const shares = fills.map(({ orderId, energyWh }) => `${orderId} ${energyWh}`).join(', ');
  return `${volumeWh} Wh [${priceInterval?.join(', ')}] ${priceMicroPerKwh ?? '-'}: ${shares}`;
}

describe('the rules page', () => {
  it('prints the bytes and the hash of its book, and its clearing', () => {
    const book = parseBook(JSON_BLOCKS[0]);
    expect(canonicalJson(book)).toBe(TEXT_BLOCK);
    expect(PAGE).toContain(`the hash is \`${sha256Hex(TEXT_BLOCK)}\``);
    expect(clearBook(freezeBook(book), 'uniform')).toEqual(JSON_BLOCKS[1]);
  });

  it.each([
    ['uniform', 7],
    ['pay-as-bid', 2],
    ['mcafee', 4],
  ] as const)('works its examples: %s', (mechanism, count) => {
    const examples = examplesOf(mechanism);
    expect(examples).toHaveLength(count);
    const worked = examples.map(([book]) => [book, shown(clearBook(freezeBook(bookOf(book)), mechanism))]);
    expect(worked).toEqual(examples);
  });
});
