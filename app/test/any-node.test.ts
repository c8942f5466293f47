import { publicNode, type PublicNode } from '@commonwatt/substrate-client/testing/public-node';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Summary } from '../src/run/summary.ts';
import { run, start, temporaryFolder, type Running } from './command.ts';

const ASSET = '77';

/** A chain that is there already and makes blocks at its own pace, seen through a node without development calls. */
describe('a neighbourhood on a chain that it did not start', { timeout: 240_000 }, () => {
  const folder = temporaryFolder();
  const state = join(folder.path, 'state');
  const keystore = join(folder.path, 'treasury.json');
  const passphraseFile = join(folder.path, 'passphrase');
  const summaryFile = join(folder.path, 'summary.json');
  const keys = ['--keystore', keystore, '--passphrase-file', passphraseFile];
  let outside: Running;
  let direct: string;
  let node: PublicNode;
  let account: string;

  const place = (): string[] => ['--chain', node.endpoint, '--asset-id', ASSET];
  const neighbourhood = (...more: string[]) =>
    run(
      150_000,
      ...`run --homes 2 --slots 4 --speed 600 --port 0 --state ${state} --summary ${summaryFile}`.split(' '),
      ...place(),
      ...keys,
      ...more,
    );

  beforeAll(async () => {
    writeFileSync(passphraseFile, 'correct horse battery\n', { mode: 0o600 });
    outside = start(
      'chain',
      'run',
      '--dir',
      join(folder.path, 'chain'),
      '--port',
      '0',
      '--block-seconds',
      '2',
    );
    [, direct = ''] = await outside.line(/the chain is at (ws:\/\/127\.0\.0\.1:\d+)/, 60_000);
    node = await publicNode(direct);
    const made = await run(30_000, 'key', 'new', keystore, '--passphrase-file', passphraseFile);
    account = /^(5\w+)/.exec(made.output)?.[1] ?? '';
  }, 120_000);
  afterAll(async () => {
    await node?.close();
    outside?.child.kill('SIGTERM');
    await outside?.exit(15_000);
    folder.remove();
  });

  it('looks first, and says what is wrong there', async () => {
    const looked = await run(90_000, 'chain', 'check', ...place(), '--keystore', keystore);
    expect(looked.output).toMatch(/^ok +finality/m);
    expect(looked.output).toMatch(/^ok +pallets/m);
    expect(looked.output).toMatch(/^WRONG +asset +asset 77 does not exist\n +what to do: /m);
    expect(looked.code).toBe(1);
    const gone = await run(60_000, 'chain', 'check', '--chain', 'ws://127.0.0.1:1', '--asset-id', ASSET);
    expect(gone.output).toMatch(/^WRONG +reachable/m);
    expect(gone.code).toBe(1);
  });

  it('a mistyped asset does not bind the state folder', async () => {
    const elsewhere = ['--chain', node.endpoint, '--asset-id', '78', ...keys];
    const { code, output } = await run(60_000, ...`run --homes 2 --state ${state}`.split(' '), ...elsewhere);
    expect(output).toContain('asset 78 does not exist');
    expect(code).toBe(2);
  });

  it('refuses to start with too little money, with a list of who needs how much', async () => {
    const fund = ['chain', 'fund', '--chain', direct, '--asset-id', ASSET, '--account', account];
    expect(await run(60_000, ...fund, '--amount', '500')).toMatchObject({ code: 0 });
    const { code, output } = await neighbourhood('--balance', '200');
    expect(code).toBe(2);
    for (const who of ['home-01', 'home-02', 'supplier', 'community-fund'])
      expect(output).toMatch(
        new RegExp(`^  ${who} \\(5\\w+\\): \\d\\.\\d+ ROC, 200\\.000000 of asset 77$`, 'm'),
      );
    expect(output).toContain('800.000001 of asset 77 to give every account what it needs');
  });

  it('settles, proves and verifies there', async () => {
    const { code, output } = await neighbourhood('--balance', '100');
    expect(output).toContain('(4 of 4)');
    expect(code).toBe(0);
    const summary = JSON.parse(readFileSync(summaryFile, 'utf8')) as Summary;
    expect(summary.checks).toEqual({
      energyBalances: true,
      cashSumsToZero: true,
      chainMatchesStatements: true,
    });

    const verified = await run(60_000, 'verify', '--state', state, '--chain', node.endpoint);
    expect(verified.output).toContain('4 of 4 slots hold; everything agrees with the chain');
    const begun = JSON.parse(readFileSync(join(state, 'chain-start.json'), 'utf8')) as {
      block: { number: number };
    };
    expect(begun.block.number).toBeGreaterThan(1);
    const late = await run(
      60_000,
      ...`verify --quiet --state ${state} --chain ${node.endpoint} --from-block ${summary.chain.finalizedBlock + 1}`.split(
        ' ',
      ),
    );
    expect(late).toMatchObject({ code: 1, output: expect.stringContaining('0 of 4 slots hold') as string });

    const proofFile = join(folder.path, 'proof.json');
    const statement = '2026-06-01T00:00:00Z/home-01';
    expect(
      await run(30_000, 'prove', '--state', state, '--statement', statement, '--out', proofFile),
    ).toMatchObject({
      code: 0,
    });
    const proof = JSON.parse(readFileSync(proofFile, 'utf8')) as { batch: { blocks: { from: number } } };
    const asked = node.methods.length;
    expect(await run(30_000, 'verify-proof', proofFile, '--chain', node.endpoint)).toMatchObject({ code: 0 });
    // Of one block, whatever the length of the chain.
    expect(node.methods.slice(asked).filter((name) => name === 'chain_getBlock')).toHaveLength(1);
    proof.batch.blocks.from += 1;
    writeFileSync(proofFile, JSON.stringify(proof));
    expect(await run(30_000, 'verify-proof', proofFile, '--chain', node.endpoint)).toMatchObject({ code: 1 });
    const thorough = ['verify-proof', proofFile, '--chain', node.endpoint, '--from-block', '0'];
    expect(await run(30_000, ...thorough)).toMatchObject({ code: 0 });
  });

  it('settles there with a multisig, whose signatories get what fees and deposits take', async () => {
    const several = join(folder.path, 'several');
    const { code, output } = await run(
      150_000,
      ...`run --homes 2 --slots 2 --speed 600 --port 0 --state ${several} --cosigners 2 --threshold 2`.split(
        ' ',
      ),
      ...place(),
      ...keys,
      '--balance',
      '10',
    );
    expect(output).toContain('cosigner 2: approves');
    expect(output).toContain('(2 of 2)');
    expect(code).toBe(0);
  });

  it('goes on only there, not on an embedded chain', async () => {
    const elsewhere = await run(60_000, ...`run --homes 2 --slots 4 --state ${state}`.split(' '), ...keys);
    expect(elsewhere).toMatchObject({
      code: 2,
      output: expect.stringContaining('is not that chain') as string,
    });
  });

  it('made no development call', () => {
    expect(node.methods.filter((name) => name.startsWith('dev_'))).toEqual([]);
    expect(node.methods).toContain('author_submitExtrinsic');
  });
});
