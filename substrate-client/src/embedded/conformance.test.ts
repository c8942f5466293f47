import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommonwattError } from '@commonwatt/domain';
import { connectChain, type Chain } from '../chain/connect.ts';
import type { BatchCall, ChainPayment, SignedExtrinsic } from '../chain/types.ts';
import { bootstrapCommunity } from '../community/bootstrap.ts';
import type { FakeAccount } from '../testing/fake-assets.ts';
import { ERA } from '../testing/fake-chain.ts';
import { signerNamed } from '../testing/sample.ts';
import { fakeStage, keyNamed, realStage, type Stage } from '../testing/stages.ts';
import { startEmbeddedChain, type EmbeddedChain } from './start.ts';

const TREASURY = signerNamed('stage treasury');
const ASSET = 3;
const PAYMENTS_MAX = 374;
const RICH: FakeAccount = { balanceMicro: 5000n, approvalMicro: 5000n, frozen: false, canOpen: true };
const STRANGER: FakeAccount = { balanceMicro: null, approvalMicro: null, frozen: false, canOpen: false };

/**
 * The crash tests are worth what the fake chain is worth: here it plays the same script as the real runtime, and must answer the same.
 * One thing differs and is not asked: a real node refuses bytes that wait in its pool already, and keeps a future nonce; the embedded
 * chain takes the bytes again and drops what it cannot put into the next block. Settlement gives nothing on either.
 */
describe('the fake chain and the real runtime', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'commonwatt-conformance-'));
  let embedded: EmbeddedChain;
  let chain: Chain;
  let stages: [fake: Stage, real: Stage];

  beforeAll(async () => {
    const log = (): void => {};
    embedded = await startEmbeddedChain({ dir: folder, log });
    chain = await connectChain({ endpoint: embedded.endpoint, log });
    await bootstrapCommunity({
      chain,
      community: 'stage',
      treasury: TREASURY,
      participants: [],
      assetId: ASSET,
      balanceMicro: 0n,
      approvalMicro: 0n,
      dev: true,
    });
    stages = [fakeStage(TREASURY.publicKey, PAYMENTS_MAX), realStage(chain, TREASURY, ASSET)];
    for (const stage of stages) {
      await stage.setFunds(10n ** 15n);
      await stage.setMinimum(1n);
      await stage.build();
    }
  });
  afterAll(async () => {
    await chain?.close();
    await embedded?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const both = async (play: (stage: Stage) => Promise<string>): Promise<{ fake: string; real: string }> => ({
    fake: await play(stages[0]),
    real: await play(stages[1]),
  });
  const same = (said: string): { fake: string; real: string } => ({ fake: said, real: said });

  type Signing = (stage: Stage, call: BatchCall) => Promise<SignedExtrinsic>;
  const now = async (stage: Stage) => {
    const head = await stage.chain.finalizedBlock();
    return { head, nonce: await stage.chain.nonceAt(head.hash) };
  };
  const good: Signing = async (stage, call) => {
    const { head, nonce } = await now(stage);
    return stage.chain.sign(call, nonce, head);
  };
  const empty: BatchCall = { payments: [], remark: 'conformance' };

  const extrinsics: [what: string, signing: Signing, expected: string][] = [
    ['is good', good, 'carried out'],
    [
      'has a used nonce',
      async (stage, call) => {
        const { head, nonce } = await now(stage);
        return stage.chain.sign(call, nonce - 1, head);
      },
      'refused: stale',
    ],
    [
      'was carried out before',
      async (stage, call) => {
        const signed = await good(stage, call);
        await stage.chain.submit(signed.bytes);
        await stage.build();
        return signed;
      },
      'refused: stale',
    ],
    [
      'has a future nonce',
      async (stage, call) => {
        const { head, nonce } = await now(stage);
        return stage.chain.sign(call, nonce + 3, head);
      },
      'not in the next block',
    ],
    [
      'has an era that has passed',
      async (stage, call) => {
        const signed = await good(stage, call);
        await stage.build(ERA + 1);
        return signed;
      },
      'refused: badproof',
    ],
    [
      'has an era that begins with a block of another fork',
      async (stage, call) => {
        const { head, nonce } = await now(stage);
        return stage.chain.sign(call, nonce, { number: head.number, hash: `0x${'0f'.repeat(32)}` });
      },
      'refused: badproof',
    ],
    [
      'is signed for another chain',
      async (stage, call) => {
        const { head, nonce } = await now(stage);
        return stage.signForeign(call, nonce, head, 'genesis');
      },
      'refused: badproof',
    ],
    [
      'is signed for another runtime',
      async (stage, call) => {
        const { head, nonce } = await now(stage);
        return stage.signForeign(call, nonce, head, 'runtime');
      },
      'refused: badproof',
    ],
    [
      'is too heavy for a block',
      (stage, call) => {
        const payment = { direction: 'in', accountKey: keyNamed('heavy'), amountMicro: 1n } as const;
        return good(stage, { ...call, payments: Array.from({ length: 2 * PAYMENTS_MAX }, () => payment) });
      },
      'refused: exhaustsresources',
    ],
  ];

  it.each(extrinsics)('agree about an extrinsic that %s', async (_what, signing, expected) => {
    expect(await both(async (stage) => outcome(stage, await signing(stage, empty)))).toEqual(same(expected));
  });

  it('agree about a signer that cannot pay the fee', async () => {
    const said = await both(async (stage) => {
      await stage.setFunds(0n);
      const found = await outcome(stage, await good(stage, empty));
      await stage.setFunds(10n ** 15n);
      return found;
    });
    expect(said).toEqual(same('refused: payment'));
  });

  const draw = (name: string, amount: bigint): ChainPayment => ({
    direction: 'in',
    accountKey: keyNamed(name),
    amountMicro: amount,
  });
  const pay = (name: string, amount: bigint): ChainPayment => ({ ...draw(name, amount), direction: 'out' });

  interface Scene {
    readonly accounts?: Record<string, Partial<FakeAccount>>;
    readonly minimum?: bigint;
    readonly assetFrozen?: boolean;
    readonly payments: readonly ChainPayment[];
  }
  const scenes: [what: string, scene: Scene, expected: string][] = [
    [
      'moves money',
      { accounts: { a1: {}, b1: {} }, payments: [draw('a1', 40n), pay('b1', 40n)] },
      'carried out',
    ],
    ['draws all there is', { accounts: { a2: {} }, payments: [draw('a2', 5000n)] }, 'carried out'],
    [
      'draws more than the balance',
      { accounts: { a3: { approvalMicro: 9000n } }, payments: [draw('a3', 5001n)] },
      '0 assets.BalanceLow',
    ],
    [
      'draws more than the approval',
      { accounts: { a4: { approvalMicro: 3n } }, payments: [draw('a4', 4n)] },
      '0 assets.Unapproved',
    ],
    [
      'draws without an approval',
      { accounts: { a5: { approvalMicro: null } }, payments: [draw('a5', 1n)] },
      '0 assets.Unapproved',
    ],
    [
      'draws twice what is approved once',
      { accounts: { a6: { approvalMicro: 6n } }, payments: [draw('a6', 4n), draw('a6', 4n)] },
      '1 assets.Unapproved',
    ],
    [
      'draws from a frozen account',
      { accounts: { a7: { frozen: true } }, payments: [draw('a7', 1n)] },
      '0 assets.Frozen',
    ],
    [
      'draws from an account without the asset',
      { accounts: { a8: { balanceMicro: null } }, payments: [draw('a8', 1n)] },
      '0 assets.NoAccount',
    ],
    [
      'pays a frozen account',
      { accounts: { b2: { frozen: true } }, payments: [pay('b2', 1n)] },
      'carried out',
    ],
    [
      'opens an account',
      { accounts: { b3: { balanceMicro: null } }, payments: [pay('b3', 1n)] },
      'carried out',
    ],
    [
      'pays an account that cannot be opened',
      { accounts: { b4: {}, b5: STRANGER }, payments: [pay('b4', 1n), pay('b5', 1n)] },
      '1 Token.CannotCreate',
    ],
    [
      'opens an account with less than the minimum',
      { accounts: { b6: { balanceMicro: null } }, minimum: 10n, payments: [pay('b6', 9n)] },
      '0 Token.BelowMinimum',
    ],
    [
      'opens an account with the minimum',
      { accounts: { b7: { balanceMicro: null } }, minimum: 10n, payments: [pay('b7', 10n)] },
      'carried out',
    ],
    [
      'leaves less than the minimum',
      { accounts: { a9: { balanceMicro: 50n } }, minimum: 10n, payments: [draw('a9', 45n)] },
      'carried out',
    ],
    [
      'pays more than the settlement account has',
      { accounts: { b8: {} }, payments: [pay('b8', 1_000_000n)] },
      '0 assets.BalanceLow',
    ],
    [
      'moves a frozen asset',
      { accounts: { c1: {} }, assetFrozen: true, payments: [draw('c1', 1n)] },
      '0 assets.Frozen',
    ],
    [
      'pays a frozen asset',
      { accounts: { c2: {} }, assetFrozen: true, payments: [pay('c2', 1n)] },
      '0 assets.Frozen',
    ],
  ];

  it.each(scenes)('agree about a batch that %s, before and after', async (_what, scene, expected) => {
    const afterwards: unknown[] = [];
    const said = await both(async (stage) => {
      const names = Object.keys(scene.accounts ?? {});
      await stage.set({
        ...Object.fromEntries(names.map((name) => [keyNamed(name), { ...RICH, ...scene.accounts![name] }])),
        [TREASURY.publicKey]: { ...STRANGER, balanceMicro: 1000n, canOpen: true },
      });
      if (scene.minimum !== undefined) await stage.setMinimum(scene.minimum);
      if (scene.assetFrozen) await stage.freezeAsset(true);
      const { head, nonce } = await now(stage);
      const keys = [...names.map(keyNamed), TREASURY.publicKey];
      const state = async (hash: string) => [
        [...(await stage.chain.holdings(keys, hash)).values()].map((holding) => ({
          ...holding,
          cannotReceive: holding.cannotReceive !== null,
        })),
        (await stage.chain.obstacle(hash)) !== null,
      ];
      const before = await state(head.hash);
      const foretold = await stage.chain.firstRefusal(scene.payments, head.hash);
      const found = await outcome(stage, await good(stage, { ...empty, payments: scene.payments }));
      const after = await now(stage);
      // A failed batch costs its nonce and moves nothing.
      expect(after.nonce).toBe(nonce + 1);
      const unmoved = isDeepStrictEqual(await state(after.head.hash), before);
      expect(unmoved || foretold === null).toBe(true);
      expect(found).toBe(foretold === null ? 'carried out' : `failed: ${foretold.error}`);
      afterwards.push([before, await state(after.head.hash)]);
      if (scene.minimum !== undefined) await stage.setMinimum(1n);
      if (scene.assetFrozen) await stage.freezeAsset(false);
      return foretold === null ? found : `${foretold.index} ${foretold.error}`;
    });
    expect(said).toEqual(same(expected));
    expect(afterwards[0]).toEqual(afterwards[1]);
  });
});

/** What becomes of an extrinsic: refused at once, in the next block with its outcome, or not. */
async function outcome(stage: Stage, signed: SignedExtrinsic): Promise<string> {
  try {
    await stage.chain.submit(signed.bytes);
  } catch (error) {
    if (!(error instanceof CommonwattError) || error.code !== 'conflict') throw error;
    const said = error.message.toLowerCase().replaceAll(/[^a-z]/g, '');
    const known = ['stale', 'badproof', 'exhaustsresources', 'payment'];
    return `refused: ${known.find((reason) => said.includes(reason)) ?? error.message}`;
  }
  const before = await stage.chain.finalizedBlock();
  await stage.build();
  const head = await stage.chain.finalizedBlock();
  for (let number = before.number; number <= head.number; number += 1) {
    const { extrinsics } = await stage.chain.block((await stage.chain.blockHashAt(number))!);
    const found = extrinsics.find(({ hash }) => hash === signed.hash);
    if (found) return found.success ? 'carried out' : `failed: ${found.error}`;
  }
  return 'not in the next block';
}
