import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_RULES } from '@commonwatt/domain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectChain, type Chain } from '../chain/connect.ts';
import { bootstrapCommunity } from '../community/bootstrap.ts';
import { startEmbeddedChain, type EmbeddedChain } from '../embedded/start.ts';
import { addressOf } from '../keystore/keystore.ts';
import { openSettlement } from '../settlement/open.ts';
import { agreedSlot } from '../testing/multisig-crash-run.ts';
import { members, randomFrom, sampleSlot, signerNamed, slotsFrom } from '../testing/sample.ts';
import { findAnchors } from '../verify/anchors.ts';
import { multisigKey } from './account.ts';
import { agreedInFile } from './agreement.ts';
import { openCosigner, type RunningCosigner } from './open-cosigner.ts';
import { signatoryChain } from './signatory-chain.ts';

const COMMUNITY = 'multisig-test';
const ASSET = 7;
const SIGNERS = ['one', 'two', 'three'].map((name) => signerNamed(`multisig test ${name}`));
const TERMS = { signatories: SIGNERS.map(({ publicKey }) => publicKey), threshold: 2 };

const AGREEMENT = {
  rules: { ...DEFAULT_RULES, community: COMMUNITY },
  participants: members(4).map(({ participant }) => participant),
};

describe('a 2-of-3 settlement account on the real runtime', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'commonwatt-multisig-'));
  const people = members(4);
  const random = randomFrom(3);
  let embedded: EmbeddedChain;
  let chain: Chain;
  beforeAll(async () => {
    embedded = await startEmbeddedChain({ dir: join(folder, 'chain'), log: () => {} });
    chain = await connectChain({ endpoint: embedded.endpoint, log: () => {} });
    await bootstrapCommunity({
      chain,
      community: COMMUNITY,
      treasury: signerNamed('multisig test issuer'),
      multisig: TERMS,
      participants: people,
      assetId: ASSET,
      balanceMicro: 10n ** 9n,
      approvalMicro: 10n ** 9n,
      dev: true,
    });
  }, 120_000);
  afterAll(async () => {
    await chain?.close();
    await embedded?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('has the address that the pallet derives', () => {
    // The three development accounts that every Substrate node knows, 2 of 3; the address is as wallets show it.
    const [alice, bob, charlie] = [
      'd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d',
      '8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48',
      '90b5ab205c6974c9ea841be688864633dc9ca8a357843eeacf2314649965fe22',
    ];
    const key = multisigKey({ signatories: [charlie!, alice!, bob!], threshold: 2 });
    expect(key).toBe(multisigKey({ signatories: [alice!, bob!, charlie!], threshold: 2 }));
    expect(addressOf(key)).toBe('5DjYJStmdZ2rcqXbXGX7TW85JsrW6uG4y9MUcLq2BoPMpRA7');
  });

  it('settles batch after batch with two of three, each in its turn', async () => {
    const [first] = SIGNERS;
    const own = signatoryChain({ chain, community: COMMUNITY, assetId: ASSET, terms: TERMS, signer: first! });
    const said: string[] = [];
    const settlement = await openSettlement({
      chain: own,
      signatory: own,
      ledgerPath: join(folder, 'settlement.sqlite'),
      bundleDir: join(folder, 'bundles'),
      periodSlots: 2,
      slotMinutes: 15,
      log: (line) => said.push(line),
    });
    const cosigners: RunningCosigner[] = [];
    const start = (index: number): void => {
      const signer = SIGNERS[index]!;
      cosigners.push(
        openCosigner({
          chain: signatoryChain({ chain, community: COMMUNITY, assetId: ASSET, terms: TERMS, signer }),
          signer,
          ledgerPath: join(folder, `cosigner-${index}.sqlite`),
          sources: [settlement.desk!],
          rebuild: (records) => ({ records: [...records], problems: [] }),
          agreed: () => agreedInFile(AGREEMENT),
          trusting: index === 0,
          pollMs: 100,
          standbyMs: 1000,
          log: (line) => said.push(`${index}: ${line}`),
        }),
      );
    };
    try {
      start(0);
      const slots = slotsFrom('2026-06-01T12:00:00Z', 4).map((slot) =>
        agreedSlot(sampleSlot(slot, people, random), COMMUNITY),
      );
      const receipts = slots.slice(0, 2).map((slot) => settlement.settle(slot));
      // One approval is not enough: it waits, and says for whom.
      await new Promise((resolve) => setTimeout(resolve, 2500));
      const status = await settlement.status();
      expect(status.waitingFor).toContain('has 1 of 2 approvals');
      expect(status.waitingFor).toContain('signatory 3 has not answered');
      expect(status.batchesPending).toBe(1);
      // The second is down; the third stands by and joins.
      start(2);
      const [receipt] = await Promise.all(receipts);
      expect(receipt!.record.payments.length).toBeGreaterThan(0);
      start(1);
      await Promise.all(slots.slice(2).map((slot) => settlement.settle(slot)));
      const { anchors } = await findAnchors(chain, COMMUNITY, own.settlementKey);
      expect(anchors.map(({ batchId }) => batchId)).toEqual(['b-20260601T1200Z', 'b-20260601T1230Z']);
      expect(await own.turnAt((await chain.finalizedBlock()).hash)).toBe(2);
    } finally {
      await Promise.all(cosigners.map((cosigner) => cosigner.stop()));
      await settlement.stop();
    }
  });
});
