import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommonwattError, DEFAULT_RULES, type SlotToSettle } from '@commonwatt/domain';
import type { Bundle } from '../bundle/layout.ts';
import type { BatchCall, CommunityChain, SignatoryChain } from '../chain/types.ts';
import { multisigKey } from '../multisig/account.ts';
import { Cosigner } from '../multisig/cosigner.ts';
import { ProposalDesk } from '../multisig/desk.ts';
import type { Proposal, ProposalSource } from '../multisig/proposal.ts';
import { callOfProposal } from '../multisig/check-proposal.ts';
import { stepProposal } from '../multisig/propose.ts';
import { Ledger } from '../settlement/ledger.ts';
import { Worker } from '../settlement/worker.ts';
import { checkOnce, closeQuietly, Crash, wrap, wrapSync } from './crash-run.ts';
import { FakeChain } from './fake-chain.ts';
import { fakeSignatory } from './fake-signatory.ts';
import { members, randomFrom, sampleSlot, signerNamed, slotsFrom } from './sample.ts';

export interface MultisigRunResult {
  crashes: number;
  lostAnswers: number;
  reorganisations: number;
  /** Times the liar approved something, some of it carried out before or replaced since. */
  lies: number;
  /** Batches or parts refused on chain because their turn was over. */
  turnsRefused: number;
  batches: number;
}

const SLOTS = 6;
const PERIOD = 2;
const SIGNERS = ['first', 'second', 'third'].map((name) => signerNamed(`crash signatory ${name}`));
const TERMS = { signatories: SIGNERS.map(({ publicKey }) => publicKey), threshold: 2 };

/** A slot whose records a cosigner can look at: with the community's rules. */
export function agreedSlot(slot: SlotToSettle, community: string): SlotToSettle {
  const rules = { ...DEFAULT_RULES, community };
  return { slot: slot.slot, records: [{ type: 'rules', slot: slot.slot, rules }, ...slot.records] };
}

/**
 * One randomised life of 2-of-3 settlement on the fake chain, from its seed: the proposing node and two cosigners are killed before and after
 * any call, answers are lost, the chain reorganises, payers lose their money; the third signatory lies (it approves everything it ever saw, again
 * and again), is dead, or is honest. Then the trouble ends, and every batch must be on chain once.
 */
export async function multisigCrashRun(seed: number): Promise<MultisigRunResult> {
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'commonwatt-cosign-'));
  try {
    return await live(randomFrom(seed), folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Node {
  turn(): Promise<string>;
  close(): void;
}

async function live(random: (below: number) => number, folder: string): Promise<MultisigRunResult> {
  const people = members(4);
  const rich = () => ({
    balanceMicro: BigInt(4000 + random(20_000)),
    approvalMicro: BigInt(4000 + random(20_000)),
  });
  const chain = new FakeChain(
    multisigKey(TERMS),
    new Map(people.map(({ signer }) => [signer.publicKey, rich()])),
  );
  chain.perBatch = 2 + random(6);
  const result: MultisigRunResult = {
    crashes: 0,
    lostAnswers: 0,
    reorganisations: 0,
    lies: 0,
    turnsRefused: 0,
    batches: 0,
  };
  const trouble = { on: true };
  const third = (['honest', 'dead', 'liar'] as const)[random(3)]!;
  const slots = slotsFrom('2026-06-01T12:00:00Z', SLOTS).map((slot) =>
    agreedSlot(sampleSlot(slot, people, random), chain.community),
  );
  const bundles = new Map<string, Bundle>();
  const clock = { nowMs: 0 };
  const maybeCrash = (): void => {
    if (!trouble.on || random(150) !== 0) return;
    result.crashes += 1;
    throw new Crash('killed');
  };
  const shaky = (key: string): CommunityChain & SignatoryChain =>
    wrap(fakeSignatory(chain, TERMS, key), async (call) => {
      maybeCrash();
      if (random(12) === 0) chain.build();
      if (random(6) === 0) chain.finalize(random(3));
      const answer = await call();
      if (trouble.on && random(80) === 0) {
        result.lostAnswers += 1;
        throw new CommonwattError('unavailable', 'the answer was lost');
      }
      maybeCrash();
      return answer;
    });

  // What the proposing node shows; null while it is down.
  let desk: ProposalDesk | null = null;
  const source: ProposalSource = {
    name: 'the proposing node',
    proposals: async () => (await up().proposals()).map((proposal) => JSON.parse(JSON.stringify(proposal))),
    record: (root) => up().record(root),
    records: (root) => up().records(root),
    report: (verdict) => up().report(verdict),
  };
  const up = (): ProposalDesk => {
    maybeCrash();
    if (desk === null) throw new CommonwattError('unavailable', 'the proposing node is down');
    return desk;
  };
  const cosigner = (index: number): Node => {
    const ledger = wrapSync(new Ledger(join(folder, `cosigner-${index}.sqlite`)), maybeCrash);
    const one = new Cosigner({
      chain: shaky(SIGNERS[index]!.publicKey),
      signer: SIGNERS[index]!,
      ledger,
      sources: [source],
      rebuild: (records) => ({ records: [...records], problems: [] }),
      agreed: { refresh: async () => {}, check: async () => [] },
      trusting: index === 0,
      standbyMs: 40,
      resubmitMs: 3,
      nowMs: () => clock.nowMs,
      log: () => {},
    });
    return { turn: () => one.turn(), close: () => closeQuietly(ledger) };
  };
  let book = null as Ledger | null;
  const proposer = (): Node => {
    const ledger = wrapSync(new Ledger(join(folder, 'settlement.sqlite')), maybeCrash);
    const signatory = shaky(SIGNERS[0]!.publicKey);
    const own = new ProposalDesk(signatory, ledger, () => {});
    desk = own;
    book = ledger;
    const worker = new Worker({
      chain: signatory,
      ledger,
      periodSlots: PERIOD,
      slotMinutes: 15,
      resubmitMs: 3,
      log: () => {},
      nowMs: () => clock.nowMs,
      publish: (bundle) => void bundles.set(bundle.slot, bundle),
      isPublished: (slot) => bundles.has(slot),
      onBatch: () => {},
      step: (_chain, batches, batch, head) => stepProposal(signatory, batches, batch, head, own),
    });
    let looked = false;
    return {
      turn: async () => {
        if (!looked) await worker.reconcile();
        looked = true;
        for (const { slot, records } of slots)
          if (!trouble.on || random(9) === 0) ledger.putSlot(slot, records);
        return worker.turn(!trouble.on);
      },
      close: () => {
        closeQuietly(ledger);
        desk = null;
      },
    };
  };
  const liar = lyingSignatory(chain, source, random, result);
  const makers: (() => Node)[] = [proposer, () => cosigner(0), () => cosigner(1)];
  if (third === 'honest') makers.push(() => cosigner(2));
  if (third === 'liar') makers.push(() => liar);
  const nodes: (Node | null)[] = makers.map(() => null);

  let last = '';
  for (let turn = 0; ; turn += 1) {
    if (turn === 500) trouble.on = false;
    if (turn > 8000) {
      const states = book?.batches().map(({ batchId, state }) => `${batchId} ${state}`);
      throw new Error(
        `settlement does not come to an end (third signatory ${third}): ${states?.join(', ')}; ${last}`,
      );
    }
    clock.nowMs += 1;
    if (trouble.on) disturb(chain, people, random, result);
    else if (turn % 3 === 0) {
      chain.build();
      chain.finalize(0);
    }
    const index = random(nodes.length);
    // A node may be down for long.
    if (trouble.on && nodes[index] === null && random(6) !== 0) continue;
    try {
      nodes[index] ??= makers[index]!();
      const done = await nodes[index].turn();
      if (index === 0 && !trouble.on && done === 'idle' && book!.batches().length * PERIOD >= SLOTS) break;
    } catch (error) {
      if (error instanceof Crash) {
        nodes[index]?.close();
        nodes[index] = null;
      } else if (!(error instanceof CommonwattError) || !['unavailable', 'conflict'].includes(error.code)) {
        throw error;
      } else last = `node ${index}: ${error.message}`;
    }
  }
  const batches = book!.batches();
  checkOnce(
    chain.carriedOut.map(({ batch }) => batch),
    batches,
    bundles,
    SLOTS,
  );
  chain.carriedOut.forEach(({ batch }, index) => {
    if (batch?.turn?.number !== index + 1)
      throw new Error(`extrinsic ${index} has turn ${batch?.turn?.number}`);
  });
  result.batches = batches.length;
  result.turnsRefused = chain.failed.filter(({ error }) => error === 'uniques.UnknownClass').length;
  for (const node of nodes) node?.close();
  return result;
}

function disturb(
  chain: FakeChain,
  people: ReturnType<typeof members>,
  random: (below: number) => number,
  result: MultisigRunResult,
): void {
  if (random(15) === 0) chain.dropPool();
  if (random(50) === 0) {
    result.reorganisations += 1;
    chain.reorganise(1 + random(4), random(3) === 0);
  }
  if (random(20) === 0) for (let count = random(12); count > 0; count -= 1) chain.build();
  if (random(15) === 0) {
    const { signer } = people[random(people.length)]!;
    const poor = { balanceMicro: BigInt(random(3) * 3000), approvalMicro: BigInt(random(3) * 3000) };
    chain.setAccount(signer.publicKey, poor);
  }
}

/** Approves, with the call, whatever it has ever seen proposed, carried out or not; and opens it again. */
function lyingSignatory(
  chain: FakeChain,
  source: ProposalSource,
  random: (below: number) => number,
  result: MultisigRunResult,
): Node {
  const own = fakeSignatory(chain, TERMS, SIGNERS[2]!.publicKey);
  const seen = new Map<string, BatchCall>();
  return {
    turn: async () => {
      for (const proposal of (await source.proposals().catch(() => [])) as Proposal[])
        seen.set(proposal.callHash, callOfProposal(proposal, chain.settlementKey));
      const calls = [...seen];
      const picked = random(2) === 0 ? calls.at(-1) : calls[random(calls.length || 1)];
      if (picked === undefined) return 'idle';
      const [callHash, call] = picked;
      const best = await chain.bestBlock();
      const open = await own.operation(callHash, best.hash);
      const nonce = await own.ownNonceAt(best.hash);
      const approval = { call, when: open?.when ?? null, withCall: true };
      await chain.submit((await own.signApproval(approval, nonce, best)).bytes).catch(() => {});
      result.lies += 1;
      return 'moved';
    },
    close: () => {},
  };
}
