import { describe, expect, it } from 'vitest';
import type { BatchCall } from '../chain/types.ts';
import { FakeChain } from '../testing/fake-chain.ts';
import { fakeSignatory } from '../testing/fake-signatory.ts';
import { multisigCrashRun } from '../testing/multisig-crash-run.ts';
import { members, signerNamed } from '../testing/sample.ts';
import { multisigKey } from './account.ts';

/** A sample; `npm run soak` runs a thousand and more. A failing seed fails again. */
const RUNS = 20;

describe('2-of-3 settlement through crashes, lost answers, reorganisations, and a third who lies or is dead', () => {
  it(`pays every batch exactly once in ${RUNS} random lives`, { timeout: 120_000 }, async () => {
    const totals: Record<string, number> = {};
    for (let seed = 1; seed <= RUNS; seed += 1) {
      const result = await multisigCrashRun(seed).catch((error: unknown) => {
        throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
      });
      for (const [name, count] of Object.entries(result)) totals[name] = (totals[name] ?? 0) + count;
    }
    // The runs were as rough as they are meant to be.
    expect(totals['crashes']).toBeGreaterThan(RUNS * 3);
    expect(totals['lostAnswers']).toBeGreaterThan(RUNS);
    expect(totals['reorganisations']).toBeGreaterThan(RUNS);
    expect(totals['lies']).toBeGreaterThan(RUNS);
  });

  it('pays once even if an honest opening arrives after the liar had the same call carried out', async () => {
    const signers = ['a', 'b', 'liar'].map((name) => signerNamed(`turn ${name}`).publicKey);
    const terms = { signatories: signers, threshold: 2 };
    const [payer, receiver] = members(2).map(({ signer }) => signer.publicKey);
    const rich = { balanceMicro: 1000n, approvalMicro: 1000n };
    const chain = new FakeChain(
      multisigKey(terms),
      new Map([
        [payer!, rich],
        [receiver!, rich],
      ]),
    );
    const [a, b, liar] = signers.map((key) => fakeSignatory(chain, terms, key));
    const remark = `commonwatt:1:test:b-20260601T1200Z:2026-06-01T12:00:00Z:1:${'0'.repeat(64)}`;
    const call: BatchCall = {
      payments: [
        { direction: 'in', accountKey: payer!, amountMicro: 7n },
        { direction: 'out', accountKey: receiver!, amountMicro: 7n },
      ],
      remark,
      turn: { collection: 0, number: 1 },
    };
    const { callHash } = await a!.encode(call);
    const send = async (who: typeof a, withCall: boolean): Promise<void> => {
      const head = await chain.bestBlock();
      const when = (await who!.operation(callHash, head.hash))?.when ?? null;
      const signed = await who!.signApproval(
        { call, when, withCall },
        await who!.ownNonceAt(head.hash),
        head,
      );
      await chain.submit(signed.bytes);
      chain.build();
    };
    const head = await chain.bestBlock();
    const late = await a!.signApproval({ call, when: null, withCall: false }, 0, head);
    await send(liar, false);
    await send(b, true);
    expect(chain.carriedOut).toHaveLength(1);
    await chain.submit(late.bytes);
    chain.build();
    await send(liar, true);
    expect(chain.carriedOut).toHaveLength(1);
    expect(chain.failed.map(({ error }) => error)).toEqual(['uniques.UnknownClass']);
    expect(chain.accounts().get(receiver!)!.balanceMicro).toBe(1007n);
  });
});
