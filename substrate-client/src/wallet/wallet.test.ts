import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Keyring } from '@polkadot/keyring';
import type { KeyringPair } from '@polkadot/keyring/types';
import { u8aToHex } from '@polkadot/util';
import { cryptoWaitReady } from '@polkadot/util-crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectChain, type Chain } from '../chain/connect.ts';
import { givePlayMoney } from '../community/play-money.ts';
import { startEmbeddedChain, type EmbeddedChain } from '../embedded/start.ts';
import { publicNode, type PublicNode } from '../testing/public-node.ts';
import { signerNamed } from '../testing/sample.ts';
import {
  approvalCall,
  approvalWords,
  readApproval,
  requireApprovalFunds,
  type ApprovalState,
} from './approval.ts';
import { payloadMessage, sealPayload, walletPayload } from './payload.ts';
import { submitOnce, type Outcome } from './track.ts';

const SCHEMES = ['ed25519', 'sr25519', 'ecdsa'] as const;
const place = { assetId: 3, settlementKey: signerNamed('settlement').publicKey };

/** Wallets of every kind sign what is prepared for them, on the real runtime. */
describe('a wallet approves', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'commonwatt-wallet-'));
  const pairs = new Map<string, KeyringPair>();
  let embedded: EmbeddedChain;
  let node: PublicNode;
  let chain: Chain;

  beforeAll(async () => {
    await cryptoWaitReady();
    for (const type of SCHEMES)
      pairs.set(type, new Keyring({ type }).addFromSeed(Buffer.alloc(32, 5), {}, type));
    embedded = await startEmbeddedChain({ dir: join(folder, 'chain'), log: () => {} });
    const owner = await connectChain({ endpoint: embedded.endpoint, log: () => {} });
    await givePlayMoney(owner, [...pairs.values()].map(keyOf), { assetId: 3, amountMicro: 70_000_000n });
    await owner.close();
    node = await publicNode(embedded.endpoint);
    chain = await connectChain({ endpoint: node.endpoint, log: () => {} });
  }, 90_000);
  afterAll(async () => {
    await chain?.close();
    await node?.close();
    await embedded?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const keyOf = (pair: KeyringPair): string => u8aToHex(pair.addressRaw).slice(2);
  const prepare = async (pair: KeyringPair, wantedMicro: bigint) => {
    const now = await readApproval(chain, place, keyOf(pair));
    const call = approvalCall(chain, place, now, wantedMicro);
    return walletPayload(chain, call, now.accountKey, now.nonce, now.block);
  };
  /** As an extension's `signPayload` does: the signature with its type before it. */
  const signedBy = async (pair: KeyringPair, wantedMicro: bigint) => {
    const prepared = await prepare(pair, wantedMicro);
    const signature = u8aToHex(pair.sign(payloadMessage(chain, prepared.payload), { withType: true }));
    return sealPayload(chain, prepared, keyOf(pair), signature);
  };
  const approve = async (pair: KeyringPair, wantedMicro: bigint): Promise<Outcome> =>
    submitOnce(chain, await signedBy(pair, wantedMicro), { deadlineMs: 30_000 });
  const approvedBy = async (pair: KeyringPair): Promise<bigint> =>
    (await readApproval(chain, place, keyOf(pair))).approvalMicro;

  it('an asset that is not there, and an account without fees, are named before anything is signed', async () => {
    const nowhere = { ...place, assetId: 4 };
    await expect(readApproval(chain, nowhere, signerNamed('poor').publicKey)).rejects.toThrow(
      'asset 4 does not exist',
    );
    const now = await readApproval(chain, place, signerNamed('poor').publicKey);
    await expect(requireApprovalFunds(chain, now, approvalCall(chain, place, now, 1n))).rejects.toThrow(
      /the account 5\w+ lacks \d+: it has 0/,
    );
  });

  it.each(SCHEMES)('with %s: more, less, nothing, each exactly', async (type) => {
    const pair = pairs.get(type)!;
    for (const wanted of [50_250_001n, 7n, 0n]) {
      expect(await approve(pair, wanted)).toMatchObject({ success: true, error: null });
      expect(await approvedBy(pair)).toBe(wanted);
    }
    expect((await readApproval(chain, place, keyOf(pair))).balanceMicro).toBe(70_000_000n);
  });

  it('what is so already needs no signature', async () => {
    await expect(prepare(pairs.get('sr25519')!, 0n)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('the same bytes count once, however often they are handed in', async () => {
    const pair = pairs.get('sr25519')!;
    const signed = await signedBy(pair, 5n);
    const [first, second] = await Promise.allSettled([
      submitOnce(chain, signed, { deadlineMs: 30_000 }),
      submitOnce(chain, signed, { deadlineMs: 30_000 }),
    ]);
    const done = [first, second].find(({ status }) => status === 'fulfilled');
    expect(done).toMatchObject({ value: { success: true } });
    await expect(submitOnce(chain, signed, { deadlineMs: 5_000 })).rejects.toMatchObject({
      code: 'conflict',
    });
    expect(await approvedBy(pair)).toBe(5n);
  });

  it('takes no signature of another account, of another payload, or that is none', async () => {
    const [mine, other] = [pairs.get('sr25519')!, pairs.get('ed25519')!];
    const [prepared, another] = [await prepare(mine, 9n), await prepare(mine, 10n)];
    const sign = (pair: KeyringPair, from = prepared): string =>
      u8aToHex(pair.sign(payloadMessage(chain, from.payload), { withType: true }));
    const seal = (signature: string) => sealPayload(chain, prepared, keyOf(mine), signature);
    await expect(seal(sign(other))).rejects.toMatchObject({ code: 'bad-signature' });
    await expect(seal(sign(mine, another))).rejects.toMatchObject({ code: 'bad-signature' });
    for (const none of ['', '0x', 'abc', sign(mine).slice(0, -2), `0x03${sign(mine).slice(4)}`])
      await expect(seal(none)).rejects.toMatchObject({ code: 'malformed' });
    await expect(seal(sign(mine))).resolves.toMatchObject({ nonce: Number(prepared.payload.nonce) });
  });

  it('says in words what the call does', () => {
    const now = { accountKey: '11'.repeat(32), approvalMicro: 20_000_000n } as ApprovalState;
    expect(approvalWords(place, now, 50_000_000n)).toMatch(
      /^the settlement account 5\w+ may draw up to 50\.000000 of asset 3 from 5\w+; now it may draw 20\.000000, so the call adds 30\.000000 to the approval$/,
    );
    expect(approvalWords(place, now, 0n)).toContain('takes the approval back');
    expect(approvalWords(place, now, 1n)).toContain('gives a new one of 0.000001');
  });
});
