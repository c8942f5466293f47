import { openKeystore } from '@commonwatt/substrate-client';
import { createMarketClient } from '@commonwatt/market-engine';
import type { BundleRecord, SettlementRecord } from '@commonwatt/domain';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planSynthetic, startPark, type Park } from '../src/neighbourhood/index.ts';
import { run, start, temporaryFolder, type Running } from './command.ts';

const SLOT_DEADLINE_MS = 90_000;

/** A household of its own, with its own account, meter and gateway, beside a neighbourhood that has never heard of it. */
describe('somebody joins a running neighbourhood without asking anybody', { timeout: 180_000 }, () => {
  const folder = temporaryFolder();
  const state = join(folder.path, 'state');
  const keystore = join(folder.path, 'guest.json');
  const passphraseFile = join(folder.path, 'passphrase');
  const boxes: Running[] = [];
  const ended = new AbortController();
  let neighbourhood: Running;
  let park: Park;
  let address: string;
  let community: string;
  let steering: Promise<void>;

  const commonwatt = async (...args: string[]): Promise<string> => {
    const { code, output } = await run(60_000, ...args);
    if (code !== 0) throw new Error(`${args.join(' ')}: exit code ${code}\n${output}`);
    return output;
  };
  const signed = (...args: string[]): Promise<string> =>
    commonwatt(...args, '--state', state, '--keystore', keystore, '--passphrase-file', passphraseFile);
  const clock = async (): Promise<number> =>
    ((await (await fetch(`${address}/v1/clock`)).json()) as { nowMs: number }).nowMs;

  /** A box with a key of its own at the guest's meter. */
  const configure = (box: string): string => {
    const file = join(folder.path, `${box}.yaml`);
    const devices = park.homes[0]?.devices.filter(({ role }) => role === 'grid-meter');
    const configuration = {
      community,
      participant: 'guest',
      gateway: 'gw-guest',
      market: address,
      pollIntervalS: 60,
      stateFolder: box,
      limits: { importFuseW: 17_000 },
      devices,
    };
    writeFileSync(file, JSON.stringify(configuration));
    return file;
  };
  const startBox = (file: string): Running => {
    const box = start('gateway', 'run', file, '--market-clock');
    boxes.push(box);
    return box;
  };
  const bundles = (): { slot: string; records: BundleRecord[]; settlement: SettlementRecord }[] => {
    const dir = join(state, 'bundles');
    if (!existsSync(dir)) return [];
    return readdirSync(dir)
      .filter((name) => name.endsWith('.json'))
      .sort()
      .map((name) => JSON.parse(readFileSync(join(dir, name), 'utf8')) as ReturnType<typeof bundles>[number]);
  };
  /** The first settled slot, from one on, of which something holds. */
  const settledSlot = async (
    what: string,
    holds: (bundle: ReturnType<typeof bundles>[number]) => boolean,
  ) => {
    const untilMs = performance.now() + SLOT_DEADLINE_MS;
    while (performance.now() < untilMs) {
      const found = bundles().find(holds);
      if (found) return found;
      await sleep(500);
    }
    throw new Error(
      `no slot ${what}:\n${neighbourhood.output()}\n${boxes.map((box) => box.output()).join('\n')}`,
    );
  };
  const readingKey = (records: readonly BundleRecord[]): string | undefined =>
    records.flatMap((record) =>
      record.type === 'reading' && record.reading.payload.gateway === 'gw-guest' ? [record.reading.key] : [],
    )[0];
  const takesPart = (records: readonly BundleRecord[]): boolean =>
    records.some((record) => record.type === 'participant' && record.participant.id === 'guest');
  const keyOf = (box: Running): Promise<string> =>
    box.line(/public key ([0-9a-f]{64})/, 30_000).then(([, key = '']) => key);

  beforeAll(async () => {
    const options = `run --homes 2 --speed 600 --port 0 --state ${state}`;
    neighbourhood = start(...options.split(' '));
    [, address = ''] = await neighbourhood.line(/the page is at (http:\/\/127\.0\.0\.1:\d+)/, 90_000);
    ({ community } = (await (await fetch(`${address}/v1/rules`)).json()) as { community: string });
    const spec = planSynthetic({ homes: 6, seed: 9 });
    const home = spec.homes.find(({ protocol }) => protocol === 'modbus');
    const dir = join(folder.path, 'devices');
    mkdirSync(dir);
    const atMs = await clock();
    park = await startPark({ spec: { ...spec, homes: [home!], startMs: atMs }, dir, atMs, log: () => {} });
    steering = (async () => {
      while (!ended.signal.aborted) {
        await park.advance(await clock()).catch(() => {});
        await sleep(50);
      }
    })().catch(() => {});
    writeFileSync(passphraseFile, 'guests are welcome\n', { mode: 0o600 });
  }, 150_000);
  afterAll(async () => {
    ended.abort();
    for (const box of boxes) box.child.kill('SIGKILL');
    neighbourhood.child.kill('SIGKILL');
    await steering;
    await park?.stop();
    folder.remove();
  });

  it('a gateway that nobody registered is refused', async () => {
    const box = startBox(configure('first-box'));
    const refusal = /reading 0 of gw-guest for \S+ is refused, unknown-gateway/;
    expect(await box.line(refusal, SLOT_DEADLINE_MS)).toHaveLength(1);
  });

  it('joins with an account and a gateway', async () => {
    await commonwatt('key', 'new', keystore, '--passphrase-file', passphraseFile);
    const file = join(folder.path, 'first-box.yaml');
    expect(await signed('join', '--gateway', file)).toMatch(
      /guest takes part in commonwatt-\S+ with the account/,
    );
    await neighbourhood.line(/gw-guest is registered, from \S+ on/, 20_000);
    expect(await commonwatt('members', '--state', state)).toMatch(
      /guest +household +5\S+ +its own +gw-guest [0-9a-f]{64}/,
    );
  });

  it('its readings are settled on chain, and it sees its own statement', async () => {
    const key = await keyOf(boxes[0]!);
    const account = await openKeystore(keystore, 'guests are welcome');
    const { slot, records } = await settledSlot(
      'pays or is paid for its reading',
      (one) =>
        readingKey(one.records) === key &&
        one.records.some((record) => record.type === 'line' && record.line.participant === 'guest') &&
        one.settlement.payments.some(({ accountKey }) => accountKey === account.publicKey),
    );
    expect(records.find(({ type }) => type === 'registry')).toMatchObject({
      registry: { blockNumber: expect.any(Number) },
    });
    const statement = await createMarketClient({ baseUrl: address }).ownStatement(account, community, slot);
    expect(statement.position?.source).toBe('reading');
    expect(['short', 'surplus']).toContain(statement.lines[0]?.reason);
  });

  it('a rotated key is taken, the old one refused', async () => {
    const [old] = boxes;
    const file = configure('second-box');
    expect(await signed('rotate-gateway', '--gateway', file)).toContain('gw-guest signs with');
    const renewed = startBox(file);
    await old!.line(/of gw-guest for \S+ is refused, bad-signature/, SLOT_DEADLINE_MS);
    old!.child.kill('SIGINT');
    const key = await keyOf(renewed);
    await settledSlot('has a reading with the new key', (one) => readingKey(one.records) === key);
  });

  it('a revoked gateway is refused, its participant stays until it leaves', async () => {
    const [, box] = boxes;
    expect(await signed('revoke-gateway', '--name', 'guest')).toContain('gw-guest is registered no more');
    await box!.line(/of gw-guest for \S+ is refused, unknown-gateway/, SLOT_DEADLINE_MS);
    expect(await signed('leave', '--name', 'guest')).toContain('takes part in');
    await neighbourhood.line(/guest has left, from \S+ on/, 20_000);
    const [, from = ''] = /guest has left, from (\S+) on/.exec(neighbourhood.output()) ?? [];
    const { records } = await settledSlot('is without it', (one) => one.slot >= from);
    expect(takesPart(records)).toBe(false);
    expect(bundles().some((one) => takesPart(one.records) && readingKey(one.records) === undefined)).toBe(
      true,
    );
  });

  it('everything that was settled holds', async () => {
    neighbourhood.child.kill('SIGINT');
    expect(await neighbourhood.exit(60_000)).toBe(0);
    expect(await commonwatt('verify', '--state', state, '--quiet')).toContain(
      'everything agrees with the chain',
    );
  });
});
