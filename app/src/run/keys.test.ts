import { signerFromSeed } from '@commonwatt/domain';
import { createKeystore } from '@commonwatt/substrate-client';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync, existsSync } from 'node:fs';
import { createHmac } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openKeys, signerOfState } from './keys.ts';
import { givenPassphrase, readPassphraseFile } from './passphrase.ts';

describe('the keys of a state folder', () => {
  const folders: string[] = [];
  const folder = (): string => {
    const path = mkdtempSync(join(tmpdir(), 'commonwatt-keys-'));
    folders.push(path);
    return path;
  };
  afterAll(() => {
    for (const path of folders) rmSync(path, { recursive: true, force: true });
  });

  it('are the same again after a restart, and for other commands', async () => {
    const dir = folder();
    const first = await openKeys(dir, { passphrase: null });
    const again = await openKeys(dir, { passphrase: null });
    expect(again.settlement.publicKey).toBe(first.settlement.publicKey);
    expect((await signerOfState(dir, 'operator')).publicKey).toBe(first.signer('operator').publicKey);
    expect(first.signer('a').publicKey).not.toBe(first.signer('b').publicKey);
    for (const name of ['root.json', 'settlement.json', 'passphrase'])
      expect(statSync(join(dir, 'keys', name)).mode & 0o077).toBe(0);
  });

  it('leave no passphrase behind when one is given, and then need it', async () => {
    const dir = folder();
    const { settlement } = await openKeys(dir, { passphrase: 'correct horse' });
    expect(existsSync(join(dir, 'keys', 'passphrase'))).toBe(false);
    await expect(openKeys(dir, { passphrase: 'battery staple' })).rejects.toMatchObject({
      code: 'forbidden',
    });
    await expect(openKeys(dir, { passphrase: null })).rejects.toMatchObject({ code: 'forbidden' });
    const again = await openKeys(dir, { passphrase: 'correct horse' });
    expect(again.settlement.publicKey).toBe(settlement.publicKey);
  });

  it('take the settlement account from another keystore', async () => {
    const dir = folder();
    const file = join(dir, 'treasury.json');
    const made = await createKeystore(file, 'correct horse', Buffer.alloc(32, 3), 'treasury');
    const keys = await openKeys(dir, { passphrase: 'correct horse', settlementKeystore: file });
    expect(keys.settlement.publicKey).toBe(made.publicKey);
  });

  it('encrypt the root key that an earlier version left in the clear, and remove it', async () => {
    const dir = folder();
    const secret = Buffer.alloc(32, 9);
    writeFileSync(join(dir, 'secret.key'), `${secret.toString('hex')}\n`);
    writeFileSync(join(dir, 'settlement.sqlite'), '');
    const keys = await openKeys(dir, { passphrase: null });
    const before = (role: string) => signerFromSeed(createHmac('sha256', secret).update(role).digest());
    expect(keys.signer('participant:home-01').publicKey).toBe(before('participant:home-01').publicKey);
    expect(keys.settlement.publicKey).toBe(before('treasury').publicKey);
    expect(existsSync(join(dir, 'secret.key'))).toBe(false);
    expect(readFileSync(join(dir, 'keys', 'root.json'), 'utf8')).not.toContain(secret.toString('hex'));
  });

  it('are not made anew for a ledger that has others', async () => {
    const dir = folder();
    writeFileSync(join(dir, 'settlement.sqlite'), '');
    await expect(openKeys(dir, { passphrase: null })).rejects.toMatchObject({ code: 'conflict' });
  });
});

describe('a passphrase', () => {
  const dir = mkdtempSync(join(tmpdir(), 'commonwatt-passphrase-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'passphrase');

  it('file must be for its owner alone', () => {
    writeFileSync(file, 'correct horse\nsecond line\n', { mode: 0o600 });
    expect(readPassphraseFile(file)).toBe('correct horse');
    chmodSync(file, 0o640);
    expect(() => readPassphraseFile(file)).toThrow('can be read by others (mode 640)');
    chmodSync(file, 0o600);
    writeFileSync(file, '\n');
    expect(() => readPassphraseFile(file)).toThrow('is empty');
    expect(() => readPassphraseFile(join(dir, 'none'))).toThrow('cannot be read');
  });

  it('in the environment is taken once, so that child processes do not get it', () => {
    process.env['COMMONWATT_PASSPHRASE'] = 'correct horse';
    expect(givenPassphrase(undefined)).toBe('correct horse');
    expect(process.env['COMMONWATT_PASSPHRASE']).toBeUndefined();
    expect(givenPassphrase(undefined)).toBeNull();
  });
});
