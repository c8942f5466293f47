import { randomBytes } from 'node:crypto';
import { signerFromSeed, type Signer } from '@commonwatt/domain';
import { rebuildRecords } from '@commonwatt/market-engine';
import {
  agreedInFile,
  bootstrapCommunity,
  connectChain,
  createKeystore,
  httpSource,
  openCosigner,
  openKeystore,
  signatoryChain,
  startEmbeddedChain,
  verifyBundles,
  type Chain,
  type EmbeddedChain,
  type Proposal,
} from '@commonwatt/substrate-client';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { batchRoot } from '../../substrate-client/src/bundle/roots.ts';
import { callOfProposal } from '../../substrate-client/src/multisig/check-proposal.ts';
import { findAnchors } from '../../substrate-client/src/verify/anchors.ts';
import { start, temporaryFolder, type Running } from './command.ts';
import { genuineCommunity, keyOf, type GenuineCommunity } from './genuine-slots.ts';
import { forgedClearing, startProposingNode, type ProposingNode } from './proposing-node.ts';

const ASSET = 77;
const FIRST_SLOT = '2026-06-01T12:00:00Z';
const PASSPHRASE = 'a passphrase of a test';

/** 2 of 3 on the real runtime; the cosigners are `commonwatt cosign`, each a process with a keystore of its own. */
describe('a settlement account of three nodes, of which two must approve', { timeout: 180_000 }, () => {
  const folder = temporaryFolder();
  const at = (name: string): string => join(folder.path, name);
  const signers: Signer[] = [];
  const running = new Set<Running>();
  let embedded: EmbeddedChain;
  let chain: Chain;

  const terms = () => ({ signatories: signers.map(({ publicKey }) => publicKey), threshold: 2 });
  const signatory = (community: string, index: number) =>
    signatoryChain({ chain, community, assetId: ASSET, terms: terms(), signer: signers[index]!, dev: true });

  /** `commonwatt cosign` as its operator would start it. */
  const cosign = async (
    index: number,
    community: GenuineCommunity,
    node: ProposingNode,
  ): Promise<Running> => {
    const { rules, members } = community;
    const agreement = at(`${rules.community}.json`);
    writeFileSync(
      agreement,
      JSON.stringify({ rules, participants: members.map(({ participant }) => participant) }),
    );
    const process = start(
      'cosign',
      `--keystore=${at(`key-${index}.json`)}`,
      `--passphrase-file=${at('passphrase')}`,
      `--chain=${embedded.endpoint}`,
      `--market=${node.address}`,
      `--community=${rules.community}`,
      `--asset=${ASSET}`,
      `--signatories=${terms().signatories.join()}`,
      '--threshold=2',
      `--agreement=${agreement}`,
      `--ledger=${at(`${rules.community}-${index}.sqlite`)}`,
      '--standby-s=1',
    );
    running.add(process);
    await process.line(new RegExp(`signatory ${index + 1} of 3, 2 approve`), 30_000);
    return process;
  };
  const kill = async (process: Running): Promise<void> => {
    process.child.kill('SIGKILL');
    await process.exit(10_000);
    running.delete(process);
  };
  const node = (community: GenuineCommunity, lie?: (proposal: Proposal) => Promise<Proposal>) =>
    startProposingNode({
      chain,
      community: community.rules.community,
      assetId: ASSET,
      terms: terms(),
      signer: signers[0]!,
      folder: folder.path,
      ...(lie === undefined ? {} : { lie }),
    });
  const paid = async (community: GenuineCommunity): Promise<string[]> => {
    const own = signatory(community.rules.community, 0);
    const { anchors } = await findAnchors(chain, community.rules.community, own.settlementKey);
    return anchors.map(({ batchId }) => batchId);
  };
  const approvals = async (community: GenuineCommunity): Promise<string> => {
    const own = signatory(community.rules.community, 0);
    const { hash } = await chain.finalizedBlock();
    const keys = community.members.map(({ participant }) => participant.accountKey);
    return JSON.stringify([...(await own.holdings(keys, hash))], (_name, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    );
  };

  beforeAll(async () => {
    mkdirSync(folder.path, { recursive: true });
    writeFileSync(at('passphrase'), `${PASSPHRASE}\n`, { mode: 0o600 });
    signers.push(signerFromSeed(randomBytes(32)));
    for (const index of [1, 2]) {
      await createKeystore(at(`key-${index}.json`), PASSPHRASE, randomBytes(32), `node ${index}`);
      signers.push(await openKeystore(at(`key-${index}.json`), PASSPHRASE));
    }
    embedded = await startEmbeddedChain({ dir: at('chain'), log: () => {} });
    chain = await connectChain({ endpoint: embedded.endpoint, log: () => {} });
    await bootstrapCommunity({
      chain,
      community: 'any',
      treasury: keyOf('issuer'),
      multisig: terms(),
      participants: genuineCommunity('any', 4, FIRST_SLOT).members,
      assetId: ASSET,
      balanceMicro: 1_000_000_000n,
      approvalMicro: 1_000_000_000n,
      dev: true,
    });
  }, 120_000);
  afterAll(async () => {
    for (const process of running) await kill(process).catch(() => {});
    await chain?.close();
    await embedded?.stop();
    folder.remove();
  });

  it('settles with all honest, with one down, with one who refuses all and one who approves all; and anyone can verify it', async () => {
    const community = genuineCommunity('honest', 4, FIRST_SLOT);
    const proposing = await node(community);
    let second = await cosign(1, community, proposing);
    const third = await cosign(2, community, proposing);
    await proposing.settlement.settle(community.next());
    expect(second.output()).toContain('approves b-20260601T1200Z: 1 slots');
    expect(third.output()).toContain('approves b-20260601T1200Z: 1 slots');

    // One is down; the third stands by and joins.
    await kill(second);
    await proposing.settlement.settle(community.next());
    expect(third.output()).toContain('approves b-20260601T1215Z');

    // The second is back with its ledger as the kill left it, and the third lies: it approves anything, checked or not.
    await kill(third);
    second = await cosign(1, community, proposing);
    const lying = signatory('honest', 2);
    const liar = openCosigner({
      chain: lying,
      signer: signers[2]!,
      ledgerPath: at('liar.sqlite'),
      sources: [httpSource(proposing.address)],
      rebuild: (records) => ({ records: [...records], problems: [] }),
      agreed: () => ({ refresh: async () => {}, check: async () => [] }),
      trusting: true,
      pollMs: 50,
      standbyMs: 0,
      log: () => {},
    });
    await proposing.settlement.settle(community.next());
    await liar.stop();

    // Now it refuses everything.
    const refusing = openCosigner({
      chain: lying,
      signer: signers[2]!,
      ledgerPath: at('liar.sqlite'),
      sources: [httpSource(proposing.address)],
      rebuild: () => ({ records: [], problems: [{ index: 0, problem: 'I do not like it' }] }),
      agreed: () => ({ refresh: async () => {}, check: async () => [] }),
      pollMs: 50,
      standbyMs: 0,
      log: () => {},
    });
    await proposing.settlement.settle(community.next());
    await refusing.stop();
    expect(await paid(community)).toEqual(
      ['1200', '1215', '1230', '1245'].map((time) => `b-20260601T${time}Z`),
    );
    const report = await verifyBundles({ bundleDir: at('honest-bundles'), chain, rebuild: rebuildRecords });
    expect(report.faults).toEqual([]);
    expect(report.ok).toBe(true);
    await kill(second);
    await proposing.stop();
  });

  it('refuses a forged clearing and names the record; the liar and a dead node cannot pay', async () => {
    const community = genuineCommunity('forged', 4, FIRST_SLOT);
    const proposing = await node(community);
    const second = await cosign(1, community, proposing);
    const before = await approvals(community);
    const forged = forgedClearing(community.next());
    const index = forged.records.findIndex(({ type }) => type === 'clearing');
    void proposing.settlement.settle(forged).catch(() => {});
    const wanted = new RegExp(
      `REFUSES b-20260601T1200Z: ${FIRST_SLOT} record ${index} \\(clearing ${FIRST_SLOT}\\)`,
    );
    await second.line(wanted, 30_000);
    await sleep(500);
    const { waitingFor, alarms } = await proposing.settlement.status();
    expect(waitingFor).toContain('signatory 2 refused');
    expect(waitingFor).toContain(`record ${index} (clearing`);
    expect(alarms.join()).toContain('a signatory refuses');
    // The third is down: the liar alone is not enough, however long it waits.
    await sleep(2000);
    expect(await paid(community)).toEqual([]);
    expect(await approvals(community)).toBe(before);
    await kill(second);
    await proposing.stop();
  });

  it('refuses a changed amount and names the payment; nothing is paid', async () => {
    const community = genuineCommunity('changed', 4, FIRST_SLOT);
    const own = signatory('changed', 0);
    /** Takes a whole unit more from one home and gives it to another, everywhere: in the record, its root, the call. */
    const steal = async (proposal: Proposal): Promise<Proposal> => {
      const more = (amount: string): string => String(BigInt(amount) + 1_000_000n);
      const record = {
        ...proposal.record,
        payments: proposal.record.payments.map((payment) =>
          ['home-01', 'home-02'].includes(payment.participant)
            ? { ...payment, amountMicro: more(payment.amountMicro) }
            : payment,
        ),
      };
      expect(batchRoot(record)).not.toBe(batchRoot(proposal.record));
      const changed = { ...proposal, record };
      return { ...changed, ...(await own.encode(callOfProposal(changed, own.settlementKey))) };
    };
    const proposing = await node(community, steal);
    const before = await approvals(community);
    const honest = openCosigner({
      chain: signatory('changed', 2),
      signer: signers[2]!,
      ledgerPath: at('changed-third.sqlite'),
      sources: [httpSource(proposing.address)],
      rebuild: rebuildRecords,
      agreed: () =>
        agreedInFile({
          rules: community.rules,
          participants: community.members.map(({ participant }) => participant),
        }),
      pollMs: 100,
      standbyMs: 0,
      log: () => {},
    });
    void proposing.settlement.settle(community.next()).catch(() => {});
    await expect.poll(() => honest.verdicts().length, { timeout: 20_000 }).toBe(1);
    await sleep(2000);
    expect(honest.verdicts().map(({ verdict, faults }) => [verdict, faults[0]?.record])).toEqual([
      ['refused', 'settlement payment home-02'],
    ]);
    // The liar's own approval is all there is on chain.
    expect(await paid(community)).toEqual([]);
    expect(await approvals(community)).toBe(before);
    await honest.stop();
    await proposing.stop();
  });
});
