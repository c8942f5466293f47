import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectChain, type Chain } from '../chain/connect.ts';
import { startEmbeddedChain, type EmbeddedChain } from '../embedded/start.ts';
import { publicNode, type PublicNode } from '../testing/public-node.ts';
import { members, signerNamed } from '../testing/sample.ts';
import { bootstrapCommunity } from './bootstrap.ts';
import { toHex } from './batch-call.ts';
import { nonceAt } from './community-chain.ts';
import { signCall, type Call } from './extrinsics.ts';
import { inspectChain, requireReady } from './inspect.ts';
import { givePlayMoney } from './play-money.ts';

const people = members(2);
const treasury = signerNamed('public treasury');
const issuer = signerNamed('issuer');

/** A chain that is there already, with assets of other people: no `dev_` call is made from the moment the community looks at it. */
describe('a chain that somebody else runs', { timeout: 90_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'commonwatt-public-'));
  let embedded: EmbeddedChain;
  let owner: Chain;
  let node: PublicNode;
  let chain: Chain;

  const asIssuer = async (calls: (tx: Chain['api']['tx']) => Call[]): Promise<void> => {
    const birth = await owner.finalizedBlock();
    const call = owner.api.tx['utility']!['batchAll']!(calls(owner.api.tx));
    const { bytes } = signCall(
      owner.api,
      call,
      issuer,
      await nonceAt(owner, issuer.publicKey, birth.hash),
      birth,
    );
    await owner.rpc.call('dev_newBlock', [{ transactions: [bytes] }]);
  };
  const asset = (tx: Chain['api']['tx'], id: number, decimals: number, minBalance: number): Call[] => [
    tx['assets']!['create']!(id, `0x${issuer.publicKey}`, minBalance),
    tx['assets']!['setMetadata']!(id, toHex('Test'), toHex('TST'), decimals),
  ];
  const settle = (approvalMicro = 5_000_000n) =>
    bootstrapCommunity({
      chain,
      community: 'public',
      treasury,
      participants: people,
      assetId: 20,
      balanceMicro: 5_000_000n,
      approvalMicro,
      dev: false,
      deadlineMs: 60_000,
    });

  beforeAll(async () => {
    embedded = await startEmbeddedChain({ dir: join(folder, 'chain'), log: () => {} });
    owner = await connectChain({ endpoint: embedded.endpoint, log: () => {} });
    await givePlayMoney(owner, [issuer.publicKey], { assetId: 1, amountMicro: 1n });
    // 20 is like a stablecoin on a real Asset Hub: an account holds a cent or nothing.
    await asIssuer((tx) => [...asset(tx, 20, 6, 10_000), ...asset(tx, 21, 10, 1), ...asset(tx, 22, 6, 1)]);
    await asIssuer((tx) => [tx['assets']!['freezeAsset']!(22)]);
    node = await publicNode(embedded.endpoint);
    chain = await connectChain({ endpoint: node.endpoint, log: () => {} });
  }, 90_000);
  afterAll(async () => {
    await chain?.close();
    await node?.close();
    await owner?.close();
    await embedded?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each([
    [19, 'asset', 'asset 19 does not exist'],
    [21, 'decimals', 'has 10 decimals; settlement counts in 6'],
    [22, 'asset', 'is frozen'],
    [20, 'account', 'has 0.000000000000 ROC for fees: about 0 batches'],
  ])('with asset %i: the check of %s says what is wrong and what to do', async (assetId, check, said) => {
    const findings = await inspectChain(chain, { assetId, settlementKey: treasury.publicKey });
    const wrong = findings.find(({ verdict }) => verdict === 'wrong');
    expect(wrong).toMatchObject({ check, said: expect.stringContaining(said) as string });
    expect(wrong?.remedy).toBeDefined();
    expect(() => requireReady(chain, findings)).toThrow(said);
  });

  it('that makes no blocks is found out', async () => {
    const findings = await inspectChain(chain, { assetId: 20, finalityWaitMs: 1000 });
    expect(findings.find(({ check }) => check === 'finality')).toMatchObject({ verdict: 'wrong' });
  });

  it('without money for the households it says who needs how much, and has done nothing', async () => {
    await givePlayMoney(owner, [treasury.publicKey], { assetId: 1, amountMicro: 1n });
    const before = await chain.finalizedBlock();
    const error = (await settle().catch((reason: unknown) => reason)) as Error;
    expect(error).toMatchObject({ code: 'no-collateral' });
    for (const { participant } of people) expect(error.message).toContain(`\n  ${participant.id} (5`);
    // Five for everyone, and the cent that keeps the settlement account's own account open.
    const total = `${people.length * 5}.010000 of asset 20 to give every account what it needs`;
    expect(error.message).toContain(total);
    expect(await chain.finalizedBlock()).toEqual(before);
  });

  it('with it, accounts, balances and approvals come into being, once', async () => {
    await asIssuer((tx) => [
      tx['assets']!['mint']!(20, `0x${treasury.publicKey}`, people.length * 5_000_000 + 10_000),
    ]);
    const community = await settle();
    const { hash } = await chain.finalizedBlock();
    const keys = people.map(({ participant }) => participant.accountKey);
    for (const holding of (await community.holdings(keys, hash)).values())
      expect(holding).toMatchObject({ balanceMicro: 4_990_000n, approvalMicro: 5_000_000n });
    const done = await chain.finalizedBlock();
    await settle();
    expect(await chain.finalizedBlock()).toEqual(done);
  });

  it('a household that has spent what it got gets nothing again', async () => {
    const before = await chain.finalizedBlock();
    const community = await settle(12_000_000n);
    // Approvals were raised out of what is left for fees, or the funder gave just that.
    const { hash, number } = await chain.finalizedBlock();
    expect(number).toBeGreaterThan(before.number);
    const [first] = people;
    const holding = (await community.holdings([first!.participant.accountKey], hash)).values().next().value;
    expect(holding).toMatchObject({ balanceMicro: 4_990_000n, approvalMicro: 12_000_000n });
  });

  it('no dev_ call was made to it', () => {
    expect(node.methods.length).toBeGreaterThan(50);
    expect(node.methods.filter((name) => name.startsWith('dev_'))).toEqual([]);
    expect(chain.isDevelopment).toBe(false);
  });
});
