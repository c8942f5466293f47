import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Summary } from '../src/run/summary.ts';
import { run, start, temporaryFolder } from './command.ts';
import { secretForms, secretsIn } from './secrets.ts';

/** One small neighbourhood from a fresh folder to the last payment, as a newcomer would run it. */
describe('a neighbourhood of six homes over twelve slots', { timeout: 240_000 }, () => {
  const folder = temporaryFolder();
  const state = join(folder.path, 'state');
  const summaryFile = join(folder.path, 'summary.json');
  const options =
    `run --homes 6 --slots 12 --speed 300 --port 0 --state ${state} --summary ${summaryFile}`.split(' ');
  let output = '';
  let summary: Summary;

  beforeAll(async () => {
    const running = start(...options);
    const [, address] = await running.line(/the page is at (http:\/\/127\.0\.0\.1:\d+)/, 90_000);
    await running.line(/\(1 of 12\)/, 90_000);
    const signalled = await run(
      20_000,
      'signal',
      '--state',
      state,
      '--import-limit-w',
      '1000',
      '--from',
      '+5m',
      '--to',
      '+65m',
    );
    expect(signalled).toMatchObject({ code: 0 });
    const view = (await (await fetch(`${address}/v1/neighbourhood`)).json()) as {
      homes: unknown[];
      signals: unknown[];
    };
    expect(view.homes).toHaveLength(6);
    expect(view.signals).toHaveLength(1);
    expect(await running.exit(120_000)).toBe(0);
    output = running.output();
    summary = JSON.parse(readFileSync(summaryFile, 'utf8')) as Summary;
  }, 300_000);
  afterAll(() => folder.remove());

  it('settles every slot on chain and says so, a line per slot', () => {
    expect(summary.slotsSettled).toBe(12);
    expect(output.match(/settled in block \d+ \(\d+ of 12\)/g)).toHaveLength(12);
    expect(summary.chain.batches).toBeGreaterThanOrEqual(3);
    expect(summary.chain.finalizedBlock).toBeGreaterThan(0);
    expect(summary.chain.feesNative).toBeGreaterThan(0);
  });

  it("holds the homes' readings against the meter at the transformer", () => {
    const { losses } = summary;
    const slots = Object.values(losses?.slots ?? {}).reduce((total, count) => total + count, 0);
    expect(slots).toBeGreaterThanOrEqual(12);
    expect(losses?.slots.normal).toBeGreaterThan(6);
    expect(losses?.lostWh).toBeGreaterThan(0);
    expect(losses?.suspects).toEqual([]);
  });

  it('reads every home by its own protocol, in every slot', () => {
    const { modbus, opcua, estimated } = summary.readings;
    expect(modbus + opcua + estimated).toBe(6 * 12);
    expect(modbus).toBeGreaterThan(3 * 12);
    expect(opcua).toBeGreaterThan(12);
    expect(summary.gates.met).toBeGreaterThan(summary.gates.missed);
  });

  it('balances energy and cash, and the chain agrees', () => {
    expect(summary.checks).toEqual({
      energyBalances: true,
      cashSumsToZero: true,
      chainMatchesStatements: true,
    });
    expect(summary.consumptionWh).toBeGreaterThan(0);
  });

  it('shows what came of the demand signal', () => {
    expect(summary.signal).toMatchObject({ askedW: 1000 });
    expect(summary.signal?.importWithW).not.toBeNull();
    expect(summary.signal?.importWithoutW).not.toBeNull();
  });

  it('is verified from the bundles and the chain alone', async () => {
    const { code, output: text } = await run(90_000, 'verify', '--state', state);
    expect(text).toContain('12 of 12 slots hold');
    expect(code).toBe(0);
  });

  it('fails when a byte of a bundle is changed, and names the slot and the record', async () => {
    const copy = join(folder.path, 'copy');
    mkdirSync(join(copy, 'bundles'), { recursive: true });
    for (const name of ['neighbourhood.json', 'running.json'])
      copyFileSync(join(state, name), join(copy, name));
    copyTree(join(state, 'chain'), join(copy, 'chain'));
    for (const name of readdirSync(join(state, 'bundles')))
      copyFileSync(join(state, 'bundles', name), join(copy, 'bundles', name));
    const victim = readdirSync(join(copy, 'bundles')).sort()[5] as string;
    const file = join(copy, 'bundles', victim);
    const text = readFileSync(file, 'utf8');
    const at = text.indexOf('"importWh":', text.indexOf('"type":"reading"') - 2000) + '"importWh":'.length;
    writeFileSync(file, `${text.slice(0, at)}${text[at] === '9' ? '8' : '9'}${text.slice(at + 1)}`);
    const { code, output: said } = await run(90_000, 'verify', '--state', copy);
    expect(code).toBe(1);
    expect(said).toContain('11 of 12 slots hold');
    const slot = victim.replace('.json', '').replace(/T(\d\d)-(\d\d)-(\d\d)Z/, 'T$1:$2:$3Z');
    expect(said).toMatch(new RegExp(`FAULT  ${slot}  .*(reading|gw-)`));
  });

  it('leaves no key and no passphrase in the clear, in any file or line of the log', async () => {
    const roles = ['treasury', 'operator', 'participant:home-01', 'gateway:gw-home-01'];
    const forms = await secretForms(state, roles);
    expect(secretsIn(state, forms)).toEqual([]);
    const log = Buffer.from(output);
    expect([...forms].filter(([, bytes]) => log.includes(bytes)).map(([form]) => form)).toEqual([]);
    writeFileSync(join(state, 'leak'), forms.get('treasury as hex') ?? '');
    expect(secretsIn(state, forms)).toEqual(['leak: treasury as hex']);
    rmSync(join(state, 'leak'));
  });

  it('started again with the same options it has nothing left to do', async () => {
    const again = await run(120_000, ...options);
    expect(again.code).toBe(0);
    const second = JSON.parse(readFileSync(summaryFile, 'utf8')) as Summary;
    expect(second.tradedWh).toBe(summary.tradedWh);
    expect(second.slotsSettled).toBe(12);
  });

  it('refuses to go on as another neighbourhood', async () => {
    const { code, output: text } = await run(60_000, 'run', '--homes', '7', '--slots', '1', '--state', state);
    expect(code).toBe(2);
    expect(text).toContain('holds another neighbourhood');
  });
});

function copyTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (entry.isDirectory()) copyTree(join(from, entry.name), join(to, entry.name));
    else copyFileSync(join(from, entry.name), join(to, entry.name));
  }
}
