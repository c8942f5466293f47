import { CHROMIUM_FLAGS, findChromium } from '@commonwatt/web/testing/chromium';
import { Keyring } from '@polkadot/keyring';
import type { KeyringPair } from '@polkadot/keyring/types';
import { TypeRegistry } from '@polkadot/types';
import type { SignerPayloadJSON } from '@polkadot/types/types';
import { cryptoWaitReady } from '@polkadot/util-crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, start, temporaryFolder, type Running } from './command.ts';

const browserPath = findChromium();
if (browserPath === null) console.warn('left out: approving from the page, there is no Chromium');

interface Standing {
  readonly approvalMicro: string;
}

/** Households with wallets of their own: over the page with an extension, and over a call that a wallet signs elsewhere. */
describe('a household approves with its own wallet', { timeout: 120_000 }, () => {
  const folder = temporaryFolder();
  const state = join(folder.path, 'state');
  let running: Running;
  let address: string;
  let browser: Browser;
  let pairs: KeyringPair[];

  beforeAll(async () => {
    await cryptoWaitReady();
    pairs = (['sr25519', 'ed25519'] as const).map((type) =>
      new Keyring({ type }).addFromSeed(Buffer.alloc(32, 21), {}, type),
    );
    running = start(...`run --homes 2 --speed 60 --port 0 --state ${state}`.split(' '));
    [, address = ''] = await running.line(/the page is at (http:\/\/127\.0\.0\.1:\d+)/, 90_000);
    const { endpoint } = await json<{ endpoint: string }>('/v1/chain');
    // Native funds for the deposit and the fee; the asset there is of no use to the community.
    const fund = ['chain', 'fund', '--chain', endpoint, '--asset-id', '5'];
    await run(60_000, ...fund, ...pairs.flatMap((pair) => ['--account', pair.address]));
    if (browserPath !== null)
      browser = await chromium.launch({ executablePath: browserPath, args: CHROMIUM_FLAGS });
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    running.child.kill('SIGTERM');
    await running.exit(30_000).catch(() => {});
    folder.remove();
  });

  const json = async <T>(path: string): Promise<T> => (await (await fetch(`${address}${path}`)).json()) as T;
  const approved = async (pair: KeyringPair): Promise<string> =>
    (await json<Standing>(`/v1/approvals?account=${pair.address}`)).approvalMicro;

  /** An extension as wallets are: the keys stay outside the page, which gets signatures alone. */
  async function openWithWallet(): Promise<{ page: Page; complaints: string[] }> {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    await page.exposeFunction('signOutside', (payload: SignerPayloadJSON) => {
      const pair = pairs.find((one) => one.address === payload.address);
      if (pair === undefined) throw new Error(`no key of ${payload.address}`);
      const registry = new TypeRegistry();
      registry.setSignedExtensions(payload.signedExtensions);
      return registry.createType('ExtrinsicPayload', payload, { version: payload.version }).sign(pair);
    });
    const accounts = pairs.map(({ address: of, type }) => ({ address: of, name: `my ${type}`, type }));
    await page.addInitScript((list) => {
      const signer = {
        signPayload: (payload: unknown) => (globalThis as never as Outside).signOutside(payload),
      };
      Object.assign(globalThis, {
        injectedWeb3: {
          'test-wallet': { enable: async () => ({ accounts: { get: async () => list }, signer }) },
        },
      });
    }, accounts);
    await page.goto(`${address}/#/home/home-01`);
    return { page, complaints };
  }

  it.skipIf(browserPath === null)('from the page: sr25519 and ed25519, more and less', async () => {
    const { page, complaints } = await openWithWallet();
    const card = page.locator('.approval');
    await card.getByText('1,000.00').first().waitFor({ timeout: 20_000 });
    await card.getByRole('button', { name: 'Connect your wallet' }).click();
    const approve = card.getByRole('button', { name: 'Approve with your wallet' });
    for (const [pair, amount, micro] of [
      [pairs[0]!, '50.250001', '50250001'],
      [pairs[1]!, '7', '7000000'],
      [pairs[0]!, '3.5', '3500000'],
    ] as const) {
      await card.locator('select').selectOption(pair.address);
      await card.locator('input[name=amount]').fill(amount);
      await approve.click();
      await expect.poll(() => approved(pair), { timeout: 45_000, interval: 1000 }).toBe(micro);
      await card.getByText(/^Final in block \d+\.$/).waitFor({ timeout: 20_000 });
      await card.locator('.approved').getByText(amount).waitFor();
    }
    await approve.click();
    await card.getByText(/lets the settlement account draw 3\.500000 already/).waitFor();
    expect(complaints.filter((text) => !text.includes('409'))).toEqual([]);
    await page.close();
  });

  it('with a printed call, and with an exported account, once', async () => {
    const pair = pairs[0]!;
    const [before] = [await approved(pair)];
    const printed = await run(
      60_000,
      'approve',
      '--amount',
      '9',
      '--account',
      pair.address,
      '--state',
      state,
    );
    expect(printed.output).toMatch(/may draw up to 9\.000000 of asset 1984 from 5\w+; now it may draw/);
    expect(printed.output).toMatch(/^call {7}0x[0-9a-f]{40,}$/m);
    expect(await approved(pair)).toBe(before);

    const file = join(folder.path, 'account.json');
    writeFileSync(file, JSON.stringify(pair.toJson('correct horse')));
    const passphraseFile = join(folder.path, 'passphrase');
    writeFileSync(passphraseFile, 'correct horse\n', { mode: 0o600 });
    const sign = ['approve', '--amount', '9', '--keystore', file, '--passphrase-file', passphraseFile];
    const signed = await run(60_000, ...sign, '--state', state);
    expect(signed.output).toMatch(/final in block \d+/);
    expect(signed.code).toBe(0);
    expect(await approved(pair)).toBe('9000000');
    const again = await run(60_000, ...sign, '--market', address);
    expect(again).toMatchObject({ code: 0, output: expect.stringContaining('nothing is signed') as string });
  });

  it.each([
    ['prepare', { account: 'nobody', amount: '1' }, 400],
    ['prepare', { account: '5FA9nQDVg267DEd8m1ZypXLBnvN7SFxYwV7ndqSYGiN9TTpu', amount: '1e3' }, 400],
    ['prepare', { account: '5FA9nQDVg267DEd8m1ZypXLBnvN7SFxYwV7ndqSYGiN9TTpu' }, 400],
    ['submit', { id: 'none', signature: '0x00' }, 404],
  ])('%s %j is refused as a problem', async (action, body, status) => {
    const answer = await fetch(`${address}/v1/approvals/${action}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  it("the operator sees the chain's side in metrics, readiness and the page's view", async () => {
    const metrics = await (await fetch(`${address}/metrics`)).text();
    expect(metrics).toMatch(/^commonwatt_settlement_funds \d+(\.\d+)?$/m);
    expect(metrics).toMatch(/^commonwatt_chain_finality_lag_blocks 0$/m);
    for (const line of metrics.matchAll(/^commonwatt_chain_alarm.*$/gm)) expect(line[0]).toMatch(/ 0$/);
    const ready = await json<{ ready: boolean; chain: { alarms: unknown[] } }>('/readyz');
    expect(ready).toMatchObject({ ready: true, chain: { alarms: [] } });
    const view = await json<{ chain: { health: { funds: string } } }>('/v1/neighbourhood');
    expect(view.chain.health.funds).toMatch(/ ROC$/);
  });

  it('and nobody can keep the chain busy with it', async () => {
    const asked = Array.from({ length: 70 }, () => fetch(`${address}/v1/approvals?participant=home-01`));
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect(statuses).toContain(429);
    expect(statuses).toContain(200);
  });
});

interface Outside {
  signOutside(payload: unknown): Promise<{ signature: string }>;
}
