import { canonicalJson, type BundleRecord, type SlotId, type TrueUp } from '@commonwatt/domain';
import { recordLabel, type Bundle } from '../bundle/layout.ts';
import { checkLeaves, checkSettlementLeaves, type Fault } from '../bundle/read.ts';
import type { BlockRef, ChainReader } from '../chain/types.ts';
import type { Claim } from '../settlement/claims.ts';
import { findAnchors, type Anchor, type Search } from './anchors.ts';
import { assignAnchors, isAnchored } from './assign-anchors.ts';
import { checkBatches } from './batches-check.ts';
import { checkMembership, type RegistryAt } from './membership.ts';
import { checkMeters, type SlotFault, type SlotRecords } from './meters.ts';
import { mostCommon, readFiles, type SlotFile } from './slot-files.ts';

export interface SlotVerdict {
  readonly slot: SlotId;
  readonly ok: boolean;
  /** What was checked and holds. */
  readonly holds: readonly string[];
  readonly faults: readonly Fault[];
}

export interface VerifyReport {
  readonly ok: boolean;
  readonly community: string;
  readonly settlementAccount: string;
  /** The asset that was paid in; null while nothing was. */
  readonly assetId: number | null;
  readonly finalizedBlock: BlockRef;
  readonly batches: number;
  /** What the settlement account keeps for receivers that could not be paid, after the last batch. */
  readonly kept: readonly Claim[];
  readonly slots: readonly SlotVerdict[];
  /** Faults of no single slot. */
  readonly faults: readonly Fault[];
}

/** Re-derives what follows from the facts among a slot's records. Pure; the market's rules. */
export type Rebuild = (records: readonly BundleRecord[]) => {
  records: BundleRecord[];
  problems: { index: number; problem: string }[];
};

/** What is wrong with a true-up against the published records of the slot it corrects, or nothing. Pure; the market's rules. */
export type CheckTrueUp = (trueUp: TrueUp, earlier: readonly BundleRecord[]) => string | undefined;

export interface VerifyOptions {
  readonly bundleDir: string;
  readonly chain: ChainReader & { readonly genesisHash: string };
  /** The community and the account that settles for it; taken from the bundles when left out. */
  readonly community?: string;
  readonly settlementAccount?: string;
  readonly rebuild: Rebuild;
  /** Without it true-ups are not held against the bundle they correct. */
  readonly checkTrueUp?: CheckTrueUp;
  /** Without it the members of a slot are taken as published. */
  readonly registryAt?: RegistryAt;
  readonly onSlot?: (verdict: SlotVerdict) => void;
  /** Which blocks are looked through; all of them when left out. Batches outside are not seen, and a second payment there would not be. */
  readonly search?: Search;
  /** True when the community has batches before the first block looked through; left out, it is true for any block but 0. */
  readonly partial?: boolean;
}

/** Checks the published bundles against the chain, with nothing else to go by. Throws `not-found` when there are none. */
export async function verifyBundles(options: VerifyOptions): Promise<VerifyReport> {
  const files = readFiles(options.bundleDir);
  const community = options.community ?? mostCommon(files.map(({ bundle }) => bundle?.community));
  const account =
    options.settlementAccount ?? mostCommon(files.map(({ bundle }) => bundle?.settlementAccount));
  const found = await findAnchors(options.chain, community, account, options.search);
  const { anchors, head } = found;
  const faults: Fault[] = [...found.faults];
  const assetIds = [...new Set(anchors.flatMap((anchor) => anchor.assetIds))];
  if (assetIds.length > 1) {
    faults.push({ record: 'asset', what: `batches move different assets: ${assetIds.join(', ')}` });
  }
  const anchorOf = assignAnchors(anchors, files, faults);
  const kept = checkBatches(
    files,
    anchors,
    anchorOf,
    faults,
    options.partial ?? (options.search?.fromBlock ?? 0) > 0,
  );
  const expected = { community, settlementAccount: account, genesisHash: options.chain.genesisHash };
  for (const file of files) {
    try {
      checkSlot(file, anchorOf.get(file.slot), expected, options.rebuild);
    } catch (error) {
      file.faults.push({ record: 'file', what: `cannot be checked: ${String(error)}` });
    }
  }
  const readable = files.flatMap(({ slot, bundle }) => (bundle ? [{ slot, records: bundle.records }] : []));
  const meterFaults = [...checkMeters(readable), ...checkTrueUps(readable, options.checkTrueUp)];
  const memberFaults = await membersFaults(files, anchorOf, options);
  const verdicts = files.map((file): SlotVerdict => {
    for (const { slot, record, what } of meterFaults)
      if (slot === file.slot) file.faults.push({ record, what });
    if (file.bundle && !meterFaults.some(({ slot }) => slot === file.slot))
      file.holds.push('meters continue');
    for (const { slot, record, what } of memberFaults ?? [])
      if (slot === file.slot) file.faults.push({ record, what });
    const named = file.bundle?.records.some(({ type }) => type === 'registry') === true;
    if (memberFaults !== null && named && !memberFaults.some(({ slot }) => slot === file.slot))
      file.holds.push('members');
    const verdict = {
      slot: file.slot,
      ok: file.faults.length === 0,
      holds: file.holds,
      faults: file.faults,
    };
    options.onSlot?.(verdict);
    return verdict;
  });
  return {
    ok: faults.length === 0 && verdicts.every(({ ok }) => ok),
    community,
    settlementAccount: account,
    assetId: assetIds[0] ?? null,
    finalizedBlock: head,
    batches: anchors.length,
    kept,
    slots: verdicts,
    faults,
  };
}

/** Who takes part, against the registry on chain; null when that was not asked for. */
async function membersFaults(
  files: readonly SlotFile[],
  anchorOf: ReadonlyMap<SlotId, Anchor>,
  { chain, registryAt }: VerifyOptions,
): Promise<SlotFault[] | null> {
  if (registryAt === undefined) return null;
  const settled = files.flatMap(({ slot, bundle }) =>
    bundle ? [{ slot, records: bundle.records, batchBlock: anchorOf.get(slot)?.block.number ?? null }] : [],
  );
  return checkMembership(settled, chain, registryAt);
}

/** Each true-up against the bundle of the slot it corrects. */
function checkTrueUps(slots: readonly SlotRecords[], check: CheckTrueUp | undefined): SlotFault[] {
  if (check === undefined) return [];
  const recordsOf = new Map(slots.map(({ slot, records }) => [slot, records]));
  return slots.flatMap(({ slot, records }) =>
    records.flatMap((record, index) => {
      if (record.type !== 'true-up') return [];
      const { trueUp } = record;
      const earlier = recordsOf.get(trueUp.estimate.slot);
      const what = earlier ? check(trueUp, earlier) : `the bundle of ${trueUp.estimate.slot} is not there`;
      return what === undefined ? [] : [{ slot, record: recordLabel(index, record), what }];
    }),
  );
}

function checkSlot(
  file: SlotFile,
  anchor: Anchor | undefined,
  expected: Pick<Bundle, 'community' | 'settlementAccount' | 'genesisHash'>,
  rebuild: Rebuild,
): void {
  const { bundle, faults, holds, slot } = file;
  if (anchor === undefined) {
    faults.push({ record: `slot ${slot}`, what: 'no batch on the chain settles it' });
  }
  if (bundle === null) return;
  for (const name of ['community', 'settlementAccount', 'genesisHash'] as const) {
    if (bundle[name] !== expected[name])
      faults.push({ record: `header (${name})`, what: `is not ${expected[name]}` });
  }
  const anchored = anchor !== undefined && isAnchored(bundle, anchor);
  const root = anchored ? (bundle.settlement.slots.find((entry) => entry.slot === slot)?.root ?? null) : null;
  const settlementFaults = checkSettlementLeaves(bundle, anchored);
  faults.push(...settlementFaults);
  if (anchor !== undefined && !anchored && settlementFaults.length === 0) {
    faults.push({ record: 'settlement record', what: 'is not the one whose root is on the chain' });
  }
  const leafFaults = checkLeaves(bundle, root);
  faults.push(...leafFaults);
  if (leafFaults.length === 0) {
    if (root !== null && root === bundle.root) holds.push('root on chain');
    else if (root !== null) faults.push({ record: 'root', what: `is not the anchored one (${root})` });
  }
  const rebuilt = checkRebuilt(bundle.records, rebuild);
  faults.push(...rebuilt);
  if (rebuilt.length === 0) holds.push('clearing and statement');
}

/** The market's rules, run again on the facts, give the same records. */
export function checkRebuilt(records: readonly BundleRecord[], rebuild: Rebuild): Fault[] {
  let again: ReturnType<Rebuild>;
  try {
    again = rebuild(records);
  } catch (error) {
    return [
      {
        record: 'records',
        what: `cannot be cleared again: ${error instanceof Error ? error.message : String(error)}`,
      },
    ];
  }
  const faults = again.problems.map(({ index, problem }): Fault => {
    const record = records[index];
    return { record: record ? recordLabel(index, record) : 'records', what: problem };
  });
  const count = Math.max(records.length, again.records.length);
  for (let index = 0; index < count && faults.length === 0; index += 1) {
    const [given, wanted] = [records[index], again.records[index]];
    if (given && wanted && canonicalJson(given) === canonicalJson(wanted)) continue;
    const label = given ? recordLabel(index, given) : wanted ? recordLabel(index, wanted) : 'records';
    faults.push({ record: label, what: given ? 'does not follow from the facts' : 'is missing' });
  }
  return faults;
}
