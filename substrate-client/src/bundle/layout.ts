import { canonicalJson, type BundleRecord, type SettlementRecord, type SlotId } from '@commonwatt/domain';
import { leafHash } from './merkle.ts';
import { slotLeaves } from './roots.ts';
import { merkleRoot } from './merkle.ts';

/** A settled slot as it is published. */
export interface Bundle {
  readonly version: 1;
  readonly community: string;
  readonly slot: SlotId;
  /** Which chain and account: says where to look, proves nothing. */
  readonly genesisHash: string;
  readonly settlementAccount: string;
  readonly records: readonly BundleRecord[];
  readonly leaves: readonly string[];
  readonly root: string;
  readonly settlement: SettlementRecord;
  /** Leaf hash of each line of the settlement record as it stands in the file, so that a changed one can be named. */
  readonly settlementLeaves: readonly string[];
}

export type Part = 'header' | 'record' | 'leaf' | 'settlement' | 'settlement-leaf';

export interface Line {
  readonly text: string;
  readonly part: Part;
  /** Within its part. */
  readonly index: number;
  readonly label: string;
}

export function makeBundle(
  head: Pick<Bundle, 'community' | 'slot' | 'genesisHash' | 'settlementAccount'>,
  records: readonly BundleRecord[],
  settlement: SettlementRecord,
): Bundle {
  const leaves = slotLeaves(records);
  return {
    version: 1,
    ...head,
    records,
    leaves,
    root: merkleRoot(leaves),
    settlement,
    settlementLeaves: settlementLines(settlement).map(({ text }) => leafHash(text)),
  };
}

/**
 * The one way a bundle is written: JSON, but every record, hash and settlement entry on a line of its own, in canonical JSON.
 * A verifier lays the parsed document out again and demands the same bytes.
 */
export function bundleLines(bundle: Bundle): Line[] {
  const header = (text: string, name: string): Line => ({
    text,
    part: 'header',
    index: 0,
    label: `header (${name})`,
  });
  const member = (name: keyof Bundle): Line =>
    header(`${JSON.stringify(name)}:${canonicalJson(bundle[name])},`, name);
  const list = (name: string, items: Line[], last = false): Line[] => [
    header(`${JSON.stringify(name)}:[`, name),
    ...commas(items),
    header(last ? ']' : '],', name),
  ];
  return [
    header('{', 'first line'),
    member('version'),
    member('community'),
    member('slot'),
    member('genesisHash'),
    member('settlementAccount'),
    ...list(
      'records',
      bundle.records.map((record, index) => ({
        text: canonicalJson(record),
        part: 'record',
        index,
        label: recordLabel(index, record),
      })),
    ),
    ...list(
      'leaves',
      bundle.leaves.map((hash, index) => ({
        text: canonicalJson(hash),
        part: 'leaf',
        index,
        label: `leaf ${index}`,
      })),
    ),
    member('root'),
    header('"settlement":{', 'settlement'),
    ...settlementLines(bundle.settlement),
    header('},', 'settlement'),
    ...list(
      'settlementLeaves',
      bundle.settlementLeaves.map((hash, index) => ({
        text: canonicalJson(hash),
        part: 'settlement-leaf',
        index,
        label: `settlement leaf ${index}`,
      })),
      true,
    ),
    header('}', 'last line'),
  ];
}

export function bundleText(bundle: Bundle): string {
  return `${bundleLines(bundle)
    .map(({ text }) => text)
    .join('\n')}\n`;
}

/** The lines between `"settlement":{` and its `},`. */
export function settlementLines(record: SettlementRecord): Line[] {
  const lines: { text: string; label: string }[] = [];
  const member = (name: keyof SettlementRecord, comma = true): void => {
    lines.push({
      text: `"${name}":${canonicalJson(record[name])}${comma ? ',' : ''}`,
      label: `settlement ${name}`,
    });
  };
  const list = <T>(name: string, items: readonly T[], label: (item: T) => string, last = false): void => {
    lines.push({ text: `"${name}":[`, label: `settlement ${name}` });
    items.forEach((item, index) => {
      lines.push({ text: canonicalJson(item) + (index < items.length - 1 ? ',' : ''), label: label(item) });
    });
    lines.push({ text: last ? ']' : '],', label: `settlement ${name}` });
  };
  member('type');
  member('community');
  member('batchId');
  list('slots', record.slots, ({ slot }) => `settlement slot ${slot}`);
  list('nets', record.nets, ({ participant }) => `settlement net ${participant}`);
  list('unpaid', record.unpaid, ({ participant }) => `settlement unpaid ${participant}`);
  member('fundCoverMicro');
  list('cuts', record.cuts, ({ participant }) => `settlement cut ${participant}`);
  if (record.held !== undefined)
    list('held', record.held, ({ participant }) => `settlement held ${participant}`);
  if (record.released !== undefined)
    list('released', record.released, ({ participant }) => `settlement released ${participant}`);
  list('payments', record.payments, ({ participant }) => `settlement payment ${participant}`, true);
  return lines.map(({ text, label }, index) => ({ text, part: 'settlement', index, label }));
}

function commas(lines: readonly Line[]): Line[] {
  return lines.map((line, index) => (index < lines.length - 1 ? { ...line, text: `${line.text},` } : line));
}

/** `record 12 (order o-17)`: what a person looks for. */
export function recordLabel(index: number, record: BundleRecord): string {
  try {
    const name = nameOfRecord(record) as string | undefined;
    return name === undefined ? `record ${index}` : `record ${index} (${name})`;
  } catch {
    // Not a record of any kind we know: a changed byte can do that, and it still has its number.
    return `record ${index}`;
  }
}

function nameOfRecord(record: BundleRecord): string {
  switch (record.type) {
    case 'rules':
      return `rules ${record.slot}`;
    case 'registry':
      return `registry ${record.registry.blockNumber}`;
    case 'participant':
      return `participant ${record.participant.id}`;
    case 'gateway':
      return `gateway ${record.registration.payload.gateway}`;
    case 'order':
      return `order ${record.order.payload.id}`;
    case 'cancel':
      return `cancel ${record.cancel.payload.id}`;
    case 'reading':
      return `reading ${record.reading.payload.gateway}#${record.reading.payload.sequence}`;
    case 'estimate':
      return `estimate ${record.estimate.participant}`;
    case 'true-up':
      return `true-up ${record.trueUp.estimate.participant} ${record.trueUp.estimate.slot}`;
    case 'carry':
      return `carry ${record.carry.debtor} ${record.carry.batchId}`;
    case 'clearing':
      return `clearing ${record.clearing.slot}`;
    case 'position':
      return `position ${record.position.participant}`;
    case 'line':
      return `line ${record.line.participant} ${record.line.reason}`;
    case 'feeder':
      return `feeder check ${record.check.feeder}`;
  }
}
