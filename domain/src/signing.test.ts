import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signatureHolds, signerFromSeed } from './signing.ts';

describe('ed25519', () => {
  it('agrees with the first test vector of RFC 8032', () => {
    const signer = signerFromSeed(
      Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex'),
    );
    expect(signer.publicKey).toBe('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
    expect(Buffer.from(signer.signBytes(new Uint8Array())).toString('hex')).toBe(
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    );
  });

  it('holds for what was signed and for nothing else', () => {
    const signer = signerFromSeed(new Uint8Array(32).fill(7));
    fc.assert(
      fc.property(fc.integer(), fc.string({ unit: 'grapheme' }), (number, text) => {
        const signed = signer.sign({ type: 'test', number: number, text });
        expect(signatureHolds(signed)).toBe(true);
        expect(signatureHolds({ ...signed, payload: { ...signed.payload, number: number + 1 } })).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    [{ payload: 1 }],
    [{ payload: 1, key: 'x', signature: 'y' }],
    [{ payload: 0.5, key: '0'.repeat(64), signature: '0'.repeat(128) }],
    [{ payload: 1, key: 'f'.repeat(64), signature: '0'.repeat(128) }],
  ])('is false, not an exception, for %j', (signed) => {
    expect(signatureHolds(signed as never)).toBe(false);
  });
});
