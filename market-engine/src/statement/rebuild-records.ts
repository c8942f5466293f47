import { CommonwattError, type BundleRecord } from '@commonwatt/domain';
import { checkFacts } from './check-facts.ts';
import { factsOf, type Facts, type RecordProblem } from './facts.ts';
import { recordProblem } from './record-shapes.ts';
import { buildSlotRecords } from './slot-records.ts';

/**
 * Rebuilds a published slot from its input records alone, for a verifier: checks the form of every record, every signature, that orders,
 * readings and estimates belong to this slot, community and its limits and that every household is metered exactly once, then clears and
 * states again. The caller compares the rebuilt records with the published ones, one by one. A problem names the index of the record at
 * fault. Never throws; when nothing can be rebuilt the records are empty and a problem says why.
 */
export function rebuildRecords(records: readonly BundleRecord[]): {
  records: BundleRecord[];
  problems: RecordProblem[];
} {
  const problems: RecordProblem[] = [];
  if (!Array.isArray(records))
    return { records: [], problems: [{ index: 0, problem: 'this is no list of records' }] };
  const sound: { index: number; record: BundleRecord }[] = [];
  for (const [index, record] of records.entries()) {
    const problem = recordProblem(record);
    if (problem) problems.push({ index, problem });
    else sound.push({ index, record });
  }
  const facts = factsOf(sound, problems);
  if (!facts) return { records: [], problems: inOrder(problems) };
  checkFacts(facts, problems);
  return { records: rebuilt(facts, problems), problems: inOrder(problems) };
}

function rebuilt(facts: Facts, problems: RecordProblem[]): BundleRecord[] {
  const plain = <T>(facts: readonly { readonly value: T }[]): T[] => facts.map(({ value }) => value);
  try {
    return buildSlotRecords({
      rules: facts.rules.value,
      slot: facts.slot,
      registry: facts.registry?.value,
      participants: plain(facts.participants),
      gateways: plain(facts.gateways),
      orders: plain(facts.orders),
      cancels: plain(facts.cancels),
      readings: plain(facts.readings),
      estimates: plain(facts.estimates),
      trueUps: plain(facts.trueUps),
      carries: plain(facts.carries),
    });
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    problems.push({ index: indexAtFault(error, facts), problem: `the slot cannot be rebuilt: ${problem}` });
    return [];
  }
}

/** The record an error speaks of, or that of the rules. */
function indexAtFault(error: unknown, facts: Facts): number {
  const named = error instanceof CommonwattError ? error.place.record : undefined;
  const candidates = [
    ...facts.orders.map(({ index, value }) => ({ index, name: value.payload.id })),
    ...facts.participants.map(({ index, value }) => ({ index, name: value.id })),
    ...facts.trueUps.map(({ index, value }) => ({
      index,
      name: `true-up ${value.estimate.participant} ${value.estimate.slot}`,
    })),
    ...facts.carries.map(({ index, value }) => ({ index, name: `carry ${value.batchId}/${value.debtor}` })),
  ];
  return candidates.findLast(({ name }) => name === named)?.index ?? facts.rules.index;
}

function inOrder(problems: readonly RecordProblem[]): RecordProblem[] {
  return problems.toSorted((a, b) => a.index - b.index);
}
