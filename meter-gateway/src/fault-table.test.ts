import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** The rows of the fault table in docs/gateway.md. */
function rows(): { fault: string; proof: string }[] {
  const page = readFileSync(new URL('../../docs/gateway.md', import.meta.url), 'utf8');
  const table = page.slice(page.indexOf('| fault | what happens | test |'));
  return table
    .slice(0, table.indexOf('\n\n'))
    .split('\n')
    .slice(2)
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, fault = '', , proof = '']) => ({ fault, proof }));
}

/** `file.test.ts`, "words of a test's name", as often as the cell has it. */
function proofs(cell: string): { file: string; name: string | undefined }[] {
  return [...cell.matchAll(/`([^`]+\.test\.ts)`(?:, "([^"]+)")?/g)].map(([, file = '', name]) => ({
    file,
    name,
  }));
}

test('every row of the fault table names a test that is there', () => {
  const table = rows();
  expect(table.length).toBeGreaterThan(35);
  const wrong = table.flatMap(({ fault, proof }) => {
    const named = proofs(proof);
    if (named.length === 0) return [`${fault}: names no test`];
    return named.flatMap(({ file, name }) => {
      const url = new URL(file, import.meta.url);
      if (!existsSync(url)) return [`${fault}: there is no ${file}`];
      const there = name === undefined || readFileSync(url, 'utf8').includes(name);
      return there ? [] : [`${fault}: ${file} has no ${JSON.stringify(name)}`];
    });
  });
  expect(wrong).toEqual([]);
});

test('every fault that a gateway must survive is in the table', () => {
  const faults = rows()
    .map(({ fault }) => fault.toLowerCase())
    .join('\n');
  const must = [
    'silence',
    'rst',
    'fin mid-answer',
    'garbage',
    'wrong unit',
    'wrong transaction id',
    'exceptions 1, 2, 4, 6',
    'slow answers',
    'scale factor',
    'nan, sentinels',
    'counter reset',
    'counter jump',
    'replaced meter',
    'clock step back',
    'clock step forward',
    'full disk',
    'uplink down',
    'opc-ua server that hangs',
    'certificate expired',
    'acknowledges and does nothing',
    'gateway killed, or cut off, while a battery is forced',
  ];
  expect(must.filter((fault) => !faults.includes(fault))).toEqual([]);
});
