import { canonicalJson } from '@commonwatt/domain';
import { bundleLines, recordLabel, settlementLines, type Bundle } from './layout.ts';
import { leafHash, merkleRoot } from './merkle.ts';

/** What is wrong, with the record (or part of the file) at fault. */
export interface Fault {
  readonly record: string;
  readonly what: string;
}

export interface ReadBundle {
  /** Null when the bytes are not a bundle in its one layout. */
  readonly bundle: Bundle | null;
  readonly faults: readonly Fault[];
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const RECORDS = '"records":[';
const LEAVES = '"leaves":[';
const SETTLEMENT = '"settlement":{';
const SETTLEMENT_LEAVES = '"settlementLeaves":[';

/** Reads a bundle's bytes. Any byte that is not where the layout wants it is a fault of the line that holds it. */
export function readBundle(bytes: Uint8Array): ReadBundle {
  const lines = split(bytes);
  const bundle = parse(bytes);
  if (bundle !== null) {
    const wanted = layOut(bundle);
    if (wanted !== null && Buffer.from(`${wanted.join('\n')}\n`).equals(bytes)) return { bundle, faults: [] };
  }
  const faults = damaged(lines);
  return {
    bundle: null,
    faults:
      faults.length > 0 ? faults : [{ record: 'header', what: 'the file is not laid out as a bundle is' }],
  };
}

/**
 * Checks a bundle that is laid out well against itself. `anchored` is the slot's root as the chain commits to it, when known:
 * it tells whether a record or its listed hash was changed.
 */
export function checkLeaves(bundle: Bundle, anchored: string | null): Fault[] {
  const faults: Fault[] = [];
  const actual = bundle.records.map((record) => leafHash(canonicalJson(record)));
  const actualRoot = merkleRoot(actual);
  const listIsWrong = anchored !== null && actualRoot === anchored;
  if (actual.length !== bundle.leaves.length) {
    faults.push({
      record: 'header (leaves)',
      what: `${bundle.leaves.length} leaf hashes for ${actual.length} records`,
    });
  }
  bundle.leaves.forEach((listed, index) => {
    const record = bundle.records[index];
    if (record === undefined || actual[index] === listed) return;
    faults.push(
      listIsWrong
        ? { record: `leaf ${index}`, what: 'the listed hash was changed: the record has the anchored one' }
        : {
            record: recordLabel(index, record),
            what: 'was changed: its hash is not the one that is anchored',
          },
    );
  });
  if (bundle.root !== actualRoot && (faults.length === 0 || listIsWrong)) {
    faults.push({ record: 'root', what: `is not the root of the records (${actualRoot})` });
  }
  return faults;
}

/** The same for the settlement record's lines; `anchoredRecord` tells whether the record itself is the one the chain commits to. */
export function checkSettlementLeaves(bundle: Bundle, anchoredRecord: boolean): Fault[] {
  const lines = settlementLines(bundle.settlement);
  const faults: Fault[] = [];
  if (lines.length !== bundle.settlementLeaves.length) {
    faults.push({ record: 'header (settlementLeaves)', what: 'there is not one hash for each line' });
  }
  lines.forEach(({ text, label }, index) => {
    const listed = bundle.settlementLeaves[index];
    if (listed === undefined || leafHash(text) === listed) return;
    faults.push(
      anchoredRecord
        ? { record: `settlement leaf ${index}`, what: `the listed hash was changed: ${label} is as anchored` }
        : { record: label, what: 'was changed: its hash is not the listed one' },
    );
  });
  return faults;
}

function split(bytes: Uint8Array): string[] {
  // One character per byte, so that bytes that are no UTF-8 stay in their line.
  return Buffer.from(bytes).toString('latin1').split('\n');
}

function parse(bytes: Uint8Array): Bundle | null {
  try {
    const value: unknown = JSON.parse(strictUtf8.decode(bytes));
    return isBundle(value) ? value : null;
  } catch {
    return null;
  }
}

function isBundle(value: unknown): value is Bundle {
  if (typeof value !== 'object' || value === null) return false;
  const bundle = value as Record<string, unknown>;
  const settlement = bundle['settlement'] as Record<string, unknown> | null | undefined;
  const lists = [bundle['records'], bundle['leaves'], bundle['settlementLeaves']];
  if (bundle['version'] !== 1 || typeof settlement !== 'object' || settlement === null) return false;
  lists.push(
    settlement['slots'],
    settlement['nets'],
    settlement['unpaid'],
    settlement['cuts'],
    settlement['payments'],
    settlement['held'] ?? [],
    settlement['released'] ?? [],
  );
  return (
    lists.every(Array.isArray) &&
    ['community', 'slot', 'root'].every((name) => typeof bundle[name] === 'string')
  );
}

/** The lines a parsed document should have had, or null when it has parts that no bundle has. */
function layOut(bundle: Bundle): string[] | null {
  try {
    return bundleLines(bundle).map(({ text }) => text);
  } catch {
    return null;
  }
}

/** Names the lines that cannot be right, section by section. A section whose first line is damaged is the header's fault. */
function damaged(lines: readonly string[]): Fault[] {
  const at = (marker: string): number => lines.indexOf(marker);
  const missing = [RECORDS, LEAVES, SETTLEMENT, SETTLEMENT_LEAVES].find((marker) => at(marker) < 0);
  if (missing !== undefined) {
    // A line of records may have swallowed the marker's line break, so look there too.
    return [...damagedRecords(lines), { record: 'header', what: `the line ${missing} is damaged` }];
  }
  const faults = damagedRecords(lines);
  faults.push(...damagedHashes(lines.slice(at(LEAVES) + 1, at(SETTLEMENT) - 2), 'leaf'));
  faults.push(
    ...damagedSettlement(lines.slice(at(SETTLEMENT) + 1, at(SETTLEMENT_LEAVES) - 1), hashesAfter(lines)),
  );
  faults.push(...damagedHashes(lines.slice(at(SETTLEMENT_LEAVES) + 1, -3), 'settlement leaf'));
  return faults;
}

function hashesAfter(lines: readonly string[]): string[] {
  return lines
    .slice(lines.indexOf(SETTLEMENT_LEAVES) + 1)
    .map((line) => /^"([0-9a-f]{64})",?$/.exec(line)?.[1] ?? '')
    .slice(0, -3);
}

function damagedRecords(lines: readonly string[]): Fault[] {
  const start = lines.indexOf(RECORDS) + 1;
  const leaves = lines.indexOf(LEAVES);
  if (start === 0 || leaves < 0) return [];
  const end = lines[leaves - 1] === '],' ? leaves - 1 : leaves;
  const faults: Fault[] = [];
  for (let line = start; line < end; line += 1) {
    const index = line - start;
    const last = line === leaves - 2 && end === leaves - 1;
    const text = lines[line] ?? '';
    const body = last ? text : text.endsWith(',') ? text.slice(0, -1) : null;
    if (body !== null && isCanonical(body)) continue;
    const label = line === leaves - 1 && text.length < 8 ? 'header (records)' : labelOfBroken(index, text);
    faults.push({ record: label, what: `line ${line + 1} of the file is damaged` });
    // After a line that was torn or joined the numbers are off by one: the first is the one to name.
    break;
  }
  return faults;
}

function damagedHashes(lines: readonly string[], name: string): Fault[] {
  return lines.flatMap((line, index) => {
    const whole = index === lines.length - 1 ? /^"[0-9a-f]{64}"$/ : /^"[0-9a-f]{64}",$/;
    return whole.test(line) ? [] : [{ record: `${name} ${index}`, what: 'is damaged' }];
  });
}

function damagedSettlement(lines: readonly string[], hashes: readonly string[]): Fault[] {
  let list = '';
  for (const [index, line] of lines.entries()) {
    list = /^"(\w+)":/.exec(line)?.[1] ?? list;
    if (leafHash(Buffer.from(line, 'latin1')) === hashes[index]) continue;
    const participant = /"participant":"([^"]*)"/.exec(line)?.[1];
    const slot = /"slot":"([^"]*)"/.exec(line)?.[1];
    const kind = LIST_NAMES[list] ?? list;
    return [
      { record: `settlement ${[kind, participant ?? slot].filter(Boolean).join(' ')}`, what: 'is damaged' },
    ];
  }
  return [];
}

const LIST_NAMES: Record<string, string> = {
  slots: 'slot',
  nets: 'net',
  cuts: 'cut',
  payments: 'payment',
};

function isCanonical(text: string): boolean {
  try {
    const decoded = strictUtf8.decode(Buffer.from(text, 'latin1'));
    return canonicalJson(JSON.parse(decoded)) === decoded;
  } catch {
    return false;
  }
}

/** The name of a record whose JSON is broken, from what can still be read of it. */
function labelOfBroken(index: number, text: string): string {
  const field = (name: string): string => new RegExp(`"${name}":"?([^",}]*)`).exec(text)?.[1] ?? '';
  const kind = /"type":"([a-z-]+)"\}?,?$/.exec(text)?.[1] ?? /^\{"([A-Za-z]+)"/.exec(text)?.[1];
  if (kind === undefined) return `record ${index}`;
  switch (kind) {
    case 'order':
    case 'cancel':
      return `record ${index} (${kind} ${field('id')})`;
    case 'reading':
      return `record ${index} (reading ${field('gateway')}#${field('sequence')})`;
    case 'gateway':
      return `record ${index} (gateway ${field('gateway')})`;
    case 'participant':
      return `record ${index} (participant ${field('id')})`;
    default:
      return `record ${index} (${[kind, field('participant')].filter(Boolean).join(' ')})`;
  }
}
