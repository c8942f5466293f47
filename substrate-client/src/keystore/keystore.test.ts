import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { inspect } from 'node:util';
import { join } from 'node:path';
import { Keyring } from '@polkadot/keyring';
import { sr25519Verify } from '@polkadot/util-crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { signatureHolds, signerFromSeed } from '@commonwatt/domain';
import { accountOf, addressOf, createKeystore, keystoreFace, openAccount, openKeystore } from './keystore.ts';

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
    await expect(createKeystore(path, 'correct horse', seed, 'treasury')).rejects.toMatchObject({
      code: 'conflict',
    });
  });

  it('says what is wrong', async () => {
    await expect(openKeystore(path, 'wrong')).rejects.toMatchObject({ code: 'forbidden' });
    await expect(openKeystore(join(folder, 'none.json'), 'x')).rejects.toMatchObject({ code: 'not-found' });
    const bad = join(folder, 'bad.json');
    writeFileSync(bad, '{}');
    await expect(openKeystore(bad, 'x')).rejects.toMatchObject({ code: 'malformed' });
    await expect(createKeystore(bad, 'short', seed, 'x')).rejects.toMatchObject({ code: 'out-of-range' });
  });

  it("opens a wallet's sr25519 account, but does not settle with it", async () => {
    const wallet = join(folder, 'wallet.json');
    const made = await createKeystore(wallet, 'correct horse', seed, 'my account', 'sr25519');
    expect(await keystoreFace(wallet)).toEqual(made);
    expect(made).toMatchObject({ name: 'my account', scheme: 'sr25519' });
    const account = await openAccount(wallet, 'correct horse');
    expect(account).toMatchObject({ publicKey: made.publicKey, scheme: 'sr25519' });
    const message = Buffer.from('message');
    expect(sr25519Verify(message, account.signBytes(message), Buffer.from(made.publicKey, 'hex'))).toBe(true);
    await expect(openKeystore(wallet, 'correct horse')).rejects.toMatchObject({ code: 'malformed' });
  });

  it('refuses a key that lies there in the clear', async () => {
    const bare = join(folder, 'bare.json');
    const pair = new Keyring({ type: 'ed25519' }).addFromSeed(seed);
    writeFileSync(bare, JSON.stringify(pair.toJson()));
    await expect(openKeystore(bare, '')).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('not encrypted') as string,
    });
  });

  it('quotes nothing of a file that is no keystore', async () => {
    const stray = join(folder, 'stray.txt');
    writeFileSync(stray, seed.toString('hex'));
    const error = await openKeystore(stray, 'x').catch((reason: unknown) => reason as Error);
    expect(inspect(error, { depth: 9 })).not.toContain(seed.toString('hex').slice(0, 8));
  });

  it('shows a key as wallets do, and reads it from any of their forms', () => {
    const alice = '88dc3417d5058ec4b4503e0c12ea1a0a89be200fe98922423d4334014fa6b0ee';
    expect(addressOf(alice)).toBe('5FA9nQDVg267DEd8m1ZypXLBnvN7SFxYwV7ndqSYGiN9TTpu');
    for (const form of [alice, `0x${alice.toUpperCase()}`, addressOf(alice), addressOf(alice, 0)])
      expect(accountOf(form)).toBe(alice);
    for (const form of ['', 'alice', alice.slice(1), `${addressOf(alice).slice(0, -1)}v`])
      expect(() => accountOf(form)).toThrow('is no account');
  });
});
