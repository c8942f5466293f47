import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { signatureHolds, signerFromSeed } from '@commonwatt/domain';
import { addressOf, createKeystore, openKeystore } from './keystore.ts';

describe('the keystore', () => {
  const folder = mkdtempSync(join(tmpdir(), 'commonwatt-keys-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'treasury.json');
  const seed = Buffer.alloc(32, 7);

  it('gives back the same key, which signs as the plain one does', async () => {
    await createKeystore(path, 'correct horse', seed, 'treasury');
    const signer = await openKeystore(path, 'correct horse');
    const plain = signerFromSeed(seed);
    expect(signer.publicKey).toBe(plain.publicKey);
    const signed = signer.sign({ type: 'test', community: 'c' });
    expect(signed).toEqual(plain.sign({ type: 'test', community: 'c' }));
    expect(signatureHolds(signed)).toBe(true);
  });

  it('holds no seed in the clear, for its owner alone, and is never overwritten', async () => {
    const text = readFileSync(path, 'utf8');
    expect(text).not.toContain(seed.toString('hex'));
    expect(JSON.parse(text)).toMatchObject({ encoding: { type: ['scrypt', 'xsalsa20-poly1305'] } });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await expect(createKeystore(path, 'correct horse', seed, 'treasury')).rejects.toThrow('EEXIST');
  });

  it('says what is wrong', async () => {
    await expect(openKeystore(path, 'wrong')).rejects.toMatchObject({ code: 'forbidden' });
    await expect(openKeystore(join(folder, 'none.json'), 'x')).rejects.toMatchObject({ code: 'not-found' });
    const bad = join(folder, 'bad.json');
    writeFileSync(bad, '{}');
    await expect(openKeystore(bad, 'x')).rejects.toMatchObject({ code: 'malformed' });
    await expect(createKeystore(bad, 'short', seed, 'x')).rejects.toMatchObject({ code: 'out-of-range' });
  });

  it('shows a key as wallets do', () => {
    const alice = '88dc3417d5058ec4b4503e0c12ea1a0a89be200fe98922423d4334014fa6b0ee';
    expect(addressOf(alice)).toBe('5FA9nQDVg267DEd8m1ZypXLBnvN7SFxYwV7ndqSYGiN9TTpu');
  });
});
