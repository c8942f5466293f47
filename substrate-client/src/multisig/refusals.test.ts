import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_RULES, type BundleRecord, type SettlementRecord } from '@commonwatt/domain';
import { slotRoot } from '../bundle/roots.ts';
import { Ledger } from '../settlement/ledger.ts';
import { Worker } from '../settlement/worker.ts';
import { FakeChain } from '../testing/fake-chain.ts';
import { fakeSignatory } from '../testing/fake-signatory.ts';
import { agreedSlot } from '../testing/multisig-crash-run.ts';
import { members, randomFrom, sampleSlot, signerNamed } from '../testing/sample.ts';
import { multisigKey } from './account.ts';
import { agreedInFile } from './agreement.ts';
import { callOfProposal } from './check-proposal.ts';
import { Cosigner } from './cosigner.ts';
import { ProposalDesk } from './desk.ts';
import type { Proposal, ProposalSource } from './proposal.ts';
import { stepProposal } from './propose.ts';

const SIGNERS = ['one', 'two', 'three'].map((name) => signerNamed(`refusal ${name}`));
const TERMS = { signatories: SIGNERS.map(({ publicKey }) => publicKey), threshold: 2 };
const PEOPLE = members(4);
const SLOT = '2026-06-01T12:00:00Z';
const AGREEMENT = {
  rules: { ...DEFAULT_RULES, community: 'test' },
  participants: PEOPLE.map(({ participant }) => participant),
};

/** What a lying node may change in what it proposes. The records are those of the one slot. */
interface Lie {
  proposal?: (proposal: Proposal) => Partial<Proposal>;
  record?: (record: SettlementRecord) => Partial<SettlementRecord>;
  records?: (records: readonly BundleRecord[]) => BundleRecord[];
  /** Leaves the call as it was, so that it does not fit the record. */
  oldCall?: boolean;
}

describe('a wrong proposal is refused, and the record at fault is named', () => {
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'commonwatt-refusals-'));
  const chain = new FakeChain(
    multisigKey(TERMS),
    new Map(
      PEOPLE.map(({ signer }) => [signer.publicKey, { balanceMicro: 10n ** 9n, approvalMicro: 10n ** 9n }]),
    ),
  );
  const own = fakeSignatory(chain, TERMS, SIGNERS[0]!.publicKey);
  const slot = agreedSlot(sampleSlot(SLOT, PEOPLE, randomFrom(3)), 'test');
  let honest: Proposal;
  let ledger: Ledger;
  beforeAll(async () => {
    ledger = new Ledger(join(folder, 'settlement.sqlite'));
    const desk = new ProposalDesk(own, ledger, () => {});
    const worker = new Worker({
      chain: own,
      ledger,
      periodSlots: 1,
      slotMinutes: 15,
      resubmitMs: 1,
      log: () => {},
      nowMs: () => 0,
      publish: () => {},
      isPublished: () => true,
      onBatch: () => {},
      step: (_chain, book, batch, head) => stepProposal(own, book, batch, head, desk),
    });
    chain.build();
    chain.finalize(0);
    ledger.putSlot(slot.slot, slot.records);
    for (let turn = 0; turn < 5; turn += 1) await worker.turn(true);
    honest = desk.current!;
  });
  afterAll(() => {
    ledger.close();
    rmSync(folder, { recursive: true, force: true });
  });

  let count = 0;
  /** What an honest signatory says of the proposal with this lie. */
  const verdictOn = async (lie: Lie): Promise<string> => {
    let records: readonly BundleRecord[] = slot.records;
    let proposal: Proposal = { ...honest };
    if (lie.records) {
      records = lie.records(records);
      const root = slotRoot(records);
      proposal = { ...proposal, record: { ...proposal.record, slots: [{ slot: SLOT, root }] } };
    }
    if (lie.record)
      proposal = { ...proposal, record: { ...proposal.record, ...lie.record(proposal.record) } };
    if (lie.oldCall !== true)
      proposal = { ...proposal, ...(await own.encode(callOfProposal(proposal, own.settlementKey))) };
    if (lie.proposal) proposal = { ...proposal, ...lie.proposal(proposal) };
    const source: ProposalSource = {
      name: 'the liar',
      proposals: async () => [JSON.parse(JSON.stringify(proposal))],
      record: async () => proposal.record,
      records: async () => records,
      report: async () => {},
    };
    const book = new Ledger(join(folder, `cosigner-${(count += 1)}.sqlite`));
    const cosigner = new Cosigner({
      chain: fakeSignatory(chain, TERMS, SIGNERS[1]!.publicKey),
      signer: SIGNERS[1]!,
      ledger: book,
      sources: [source],
      rebuild: (given) => ({ records: [...given], problems: [] }),
      agreed: agreedInFile(AGREEMENT),
      standbyMs: 0,
      resubmitMs: 1,
      nowMs: () => 0,
      log: () => {},
    });
    await cosigner.turn();
    const [verdict] = cosigner.verdicts();
    book.close();
    return verdict?.verdict === 'refused' ? verdict.faults[0]!.record : (verdict?.verdict ?? 'nothing');
  };
  const more = (record: SettlementRecord, index: number): SettlementRecord['payments'] =>
    record.payments.map((payment, at) =>
      at === index ? { ...payment, amountMicro: String(BigInt(payment.amountMicro) + 5n) } : payment,
    );

  it('approves an honest one', async () => expect(await verdictOn({})).toBe('approved'));

  it.each<[string, Lie, string | RegExp]>([
    ['another community', { proposal: () => ({ community: 'other' }) }, 'header (community)'],
    ['another account', { proposal: () => ({ settlementAccount: '00' }) }, 'header (settlementAccount)'],
    ['another asset', { proposal: () => ({ assetId: 9 }) }, 'header (assetId)'],
    ['another batch id', { record: () => ({ batchId: 'b-20260601T1215Z' }) }, 'header (batchId)'],
    [
      'other rules',
      {
        records: (records) =>
          records.map((record) =>
            record.type === 'rules'
              ? { ...record, rules: { ...record.rules, retailMicroPerKwh: 900_000 } }
              : record,
          ),
      },
      `record 0 (rules ${SLOT})`,
    ],
    [
      'an account of the supplier that is not its own',
      {
        records: (records) =>
          records.map((record) =>
            record.type === 'participant' && record.participant.role === 'supplier'
              ? { type: 'participant', participant: { ...record.participant, accountKey: 'ab'.repeat(32) } }
              : record,
          ),
      },
      /^record \d+ \(participant supplier\)$/,
    ],
    [
      'a debt that is none',
      {
        records: (records) => [
          ...records,
          {
            type: 'carry',
            carry: { debtor: 'home-01', batchId: 'b-20260501T0000Z', amountMicro: '5', claims: [] },
          },
        ],
      },
      /carry home-01 b-20260501T0000Z/,
    ],
    [
      'a net that does not follow',
      { record: (record) => ({ nets: record.nets.slice(1) }) },
      /^settlement net /,
    ],
    ['a payment raised', { record: (record) => ({ payments: more(record, 0) }) }, /^settlement payment /],
    [
      'a payer left out who can pay',
      {
        record: (record) => {
          const [first] = record.payments;
          return {
            unpaid: [{ participant: first!.participant, amountMicro: first!.amountMicro, why: 'poor' }],
          };
        },
      },
      /^settlement /,
    ],
    [
      'a call that pays something else',
      {
        oldCall: true,
        record: (record) => ({ fundCoverMicro: record.fundCoverMicro }),
        proposal: () => ({ callData: '{"payments":[],"remark":"x"}' }),
      },
      /^settlement payment /,
    ],
    ['call data that are nothing', { proposal: () => ({ callData: '0x' }) }, 'header (callData)'],
    [
      'means of a block that is none',
      { proposal: () => ({ plannedAt: { number: 0, hash: '0x1' } }) },
      'plannedAt',
    ],
  ])('%s', async (_name, lie, record) => {
    expect(await verdictOn(lie)).toMatch(record);
  });

  it('takes no turn but the next', async () => {
    expect(await verdictOn({ proposal: () => ({ turn: 2 }) })).toBe('nothing');
  });
});
