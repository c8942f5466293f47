import type { GenericExtrinsic } from '@polkadot/types';
import hubMetadata from '@polkadot/types-support/metadata/v15/asset-hub-polkadot-hex';
import hubVersion from '@polkadot/types-support/metadata/v15/asset-hub-polkadot-ver';
import kusamaMetadata from '@polkadot/types-support/metadata/v15/asset-hub-kusama-hex';
import kusamaVersion from '@polkadot/types-support/metadata/v15/asset-hub-kusama-ver';
import relayMetadata from '@polkadot/types-support/metadata/v15/polkadot-hex';
import relayVersion from '@polkadot/types-support/metadata/v15/polkadot-ver';
import { hexToU8a, u8aToHex } from '@polkadot/util';
import { ed25519Verify } from '@polkadot/util-crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { connectChain, type Chain } from '../chain/connect.ts';
import { decodeBatch } from '../chain/decode.ts';
import { paperNode, type PaperNode } from '../testing/paper-node.ts';
import { signerNamed } from '../testing/sample.ts';
import { batchCall, id } from './batch-call.ts';
import { signCall } from './extrinsics.ts';
import { inspectChain } from './inspect.ts';

const treasury = signerNamed('treasury');
const payer = signerNamed('payer').publicKey;

/** The metadata of chains that are live today; the embedded chain's runtime is years older. */
describe("today's chains", () => {
  const open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const one of open.splice(0).toReversed()) await one.close();
  });

  /** Metadata comes wrapped: an option, and a length of four bytes. */
  const connect = async (wrapped: string, version: unknown, storage = new Map<string, string>()) => {
    const node: PaperNode = await paperNode({
      metadata: `0x${wrapped.slice('0x01'.length + 8)}`,
      version,
      storage,
      answers: {
        system_chain: 'A Hub',
        system_properties: { tokenSymbol: 'DOT', tokenDecimals: 10 },
        // Weight of 3 x 10^9 ps and 50,000 bytes of proof, class normal, a fee of 0.02.
        state_call: u8aToHex(
          Uint8Array.of(0x03, 0x00, 0x5e, 0xd0, 0xb2, 0x42, 0x0d, 0x03, 0x00, 0, ...le(200_000_000n)),
        ),
      },
    });
    open.push(node);
    const chain = await connectChain({ endpoint: node.endpoint, log: () => {} });
    open.push(chain);
    return chain;
  };

  it.each([
    ['Polkadot', hubMetadata, hubVersion],
    ['Kusama', kusamaMetadata, kusamaVersion],
  ])(
    'the Asset Hub of %s passes, with its own decimals, minimum and deposits',
    async (_name, metadata, version) => {
      const storage = new Map<string, string>();
      const chain = await connect(metadata, version, storage);
      const put = (pallet: string, entry: string, args: unknown[], value: unknown): void => {
        const key = chain.api.registry.createType('StorageKey', [
          chain.api.query[pallet]![entry]!.creator,
          args,
        ] as never) as unknown as { toHex(): string; outputType: string };
        const encoded = chain.api.registry.createType(key.outputType, value) as unknown as {
          toHex(): string;
        };
        storage.set(key.toHex(), encoded.toHex());
      };
      const owner = id(payer);
      const team = { owner, issuer: owner, admin: owner, freezer: owner };
      put('assets', 'asset', [1984], {
        ...team,
        supply: 1,
        minBalance: 10_000,
        isSufficient: true,
        status: 'Live',
      });
      put('assets', 'metadata', [1984], { name: 'Tether USD', symbol: 'USDt', decimals: 6 });
      put('system', 'account', [id(treasury.publicKey)], { providers: 1, data: { free: 5_0000000000n } });
      const findings = await inspectChain(chain, { assetId: 1984, settlementKey: treasury.publicKey });
      expect(findings.filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
      const said = new Map(findings.map(({ check, said: text }) => [check, text]));
      expect(said.get('asset')).toBe('1984 USDt, live, an account holds at least 0.010000');
      expect(said.get('account')).toContain('has 5.0000000000 DOT for fees: about 249 batches');
      expect(said.get('block limits')).toMatch(/up to \d+ payments/);
    },
  );

  it('a relay chain has no assets, which is said before anything else is asked of it', async () => {
    const chain = await connect(relayMetadata, relayVersion);
    const findings = await inspectChain(chain, { assetId: 1984, settlementKey: treasury.publicKey });
    expect(findings.find(({ verdict }) => verdict === 'wrong')).toMatchObject({
      check: 'pallets',
      said: 'the chain has no assets.transferApproved',
    });
  });

  it('an asset that is not there', async () => {
    const chain = await connect(hubMetadata, hubVersion);
    const findings = await inspectChain(chain, { assetId: 7 });
    expect(findings.find(({ verdict }) => verdict === 'wrong')?.said).toBe('asset 7 does not exist');
  });

  it('a batch is built and signed as they want it, and read back', async () => {
    const chain = await connect(hubMetadata, hubVersion);
    const payments = [
      { direction: 'in', accountKey: payer, amountMicro: 1_234_567n },
      { direction: 'out', accountKey: payer, amountMicro: 1n },
    ] as const;
    const call = batchCall(chain, 1984, treasury.publicKey, { payments, remark: 'remark' });
    const birth = { number: 100, hash: `0x${'ab'.repeat(32)}` };
    const signed = signCall(chain.api, call, treasury, 7, birth);
    const read = chain.api.registry.createType('Extrinsic', signed.bytes) as GenericExtrinsic;
    expect(read.nonce.toNumber()).toBe(7);
    expect(decodeBatch(read.method as never, treasury.publicKey)).toEqual({
      assetIds: [1984],
      payments: [...payments],
      remark: 'remark',
    });
    expect(holds(chain, read, birth.hash)).toBe(true);
  });

  /** The signature over what the runtime itself puts together: call, extensions and what they imply. */
  function holds(chain: Chain, extrinsic: GenericExtrinsic, blockHash: string): boolean {
    const payload = chain.api.registry.createType('ExtrinsicPayload', {
      method: extrinsic.method.toHex(),
      era: extrinsic.era,
      nonce: extrinsic.nonce,
      tip: 0,
      assetId: undefined,
      mode: 0,
      metadataHash: null,
      specVersion: chain.api.runtimeVersion.specVersion,
      transactionVersion: chain.api.runtimeVersion.transactionVersion,
      genesisHash: chain.genesisHash,
      blockHash,
    } as never) as unknown as { toU8a(options: { method: boolean }): Uint8Array };
    const message = payload.toU8a({ method: true });
    const signature = hexToU8a(extrinsic.signature.toHex());
    return ed25519Verify(message, signature, `0x${treasury.publicKey}`);
  }
});

function le(amount: bigint): Uint8Array {
  const bytes = new Uint8Array(16);
  for (let index = 0, rest = amount; index < 16; index += 1, rest >>= 8n) bytes[index] = Number(rest & 0xffn);
  return bytes;
}
