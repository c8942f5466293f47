import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Signer } from '@commonwatt/domain';
import { connectChain, type Chain } from '../chain/connect.ts';
import { bootstrapCommunity } from '../community/bootstrap.ts';
import { startEmbeddedChain, type EmbeddedChain } from '../embedded/start.ts';
import { members, signerNamed } from '../testing/sample.ts';
import type { Entry } from './calls.ts';
import { RegistryFollower } from './follow.ts';
import { membersOf, type RegistryOnChain } from './members-of.ts';
import { agentConsent, gatewayConsent } from './proofs.ts';
import { readRegistry } from './read.ts';
import { changeCallHex, changeRegistry, entryGateway, registerCommunity } from './write.ts';

const COMMUNITY = 'street';
const ASSET_ID = 7;
const people = members(3);
const treasury = signerNamed('registry treasury');
const newcomer = signerNamed('newcomer');
const agent = signerNamed('agent of the newcomer');
const pauper = signerNamed('pauper');

/** One real runtime for all of it: the tests go on from each other. */
describe('the registry on the real runtime', { timeout: 90_000 }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'commonwatt-registry-'));
  let embedded: EmbeddedChain;
  let chain: Chain;
  let follower: RegistryFollower;
  let atFirst: RegistryOnChain;

  const register = (): Promise<void> =>
    registerCommunity({
      chain,
      dev: true,
      owner: treasury,
      entry: {
        community: COMMUNITY,
        ownerKey: treasury.publicKey,
        settlementKey: treasury.publicKey,
        assetId: ASSET_ID,
        slotMinutes: 15,
        rulesHash: 'ab'.repeat(32),
        supplierKey: signerNamed('sample supplier').publicKey,
        fundKey: signerNamed('sample community-fund').publicKey,
        feeder: null,
        url: 'https://market.example',
      },
      members: people
        .filter(({ participant }) => participant.role === 'household')
        .map((person) => ({ ...person, gateways: [signerNamed(`box of ${person.participant.id}`)] })),
    });
  const read = async (): Promise<RegistryOnChain> =>
    readRegistry(chain, COMMUNITY, await chain.finalizedBlock());
  const names = (registry: RegistryOnChain): string[] =>
    membersOf(registry).gateways.map(({ payload }) => payload.gateway);
  const entry = (box: string, participant = 'new', account: Signer = newcomer): Entry => {
    const terms = { community: COMMUNITY, participant, accountKey: account.publicKey };
    const gateway = entryGateway(agent, gatewayConsent(signerNamed(box), terms), { ...terms, item: 1 });
    return { ...terms, agent: agentConsent(agent, terms), gateways: [gateway] };
  };

  beforeAll(async () => {
    embedded = await startEmbeddedChain({ dir, log: () => {} });
    chain = await connectChain({ endpoint: embedded.endpoint, log: () => {} });
    // Everyone who pays deposits here has an account; the newcomer gets no other help.
    const extra = [newcomer].map((signer) => ({
      signer,
      participant: { id: 'new', accountKey: signer.publicKey, role: 'household' as const },
    }));
    await bootstrapCommunity({
      chain,
      community: COMMUNITY,
      treasury,
      participants: [...people, ...extra],
      assetId: ASSET_ID,
      balanceMicro: 50_000_000n,
      approvalMicro: 1_000_000n,
      dev: true,
    });
    await register();
    atFirst = await read();
    follower = new RegistryFollower(chain, COMMUNITY, atFirst.block);
  }, 120_000);
  afterAll(async () => {
    await chain?.close();
    await embedded?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it('says of a community what was registered, once however often it is called', async () => {
    const { number } = await chain.finalizedBlock();
    await register();
    expect((await chain.finalizedBlock()).number).toBe(number);
    expect(atFirst.terms).toMatchObject({
      assetId: ASSET_ID,
      slotMinutes: 15,
      url: 'https://market.example',
    });
    expect(names(atFirst)).toEqual(['gw-home-01', 'gw-home-02', 'gw-home-03']);
    expect(membersOf(atFirst).ignored).toEqual([]);
    expect(await follower.look()).toBeNull();
    await expect(readRegistry(chain, 'elsewhere', atFirst.block)).rejects.toThrow('no community elsewhere');
  });

  it('takes a newcomer that asked nobody; the same again changes nothing', async () => {
    const approve = { assetId: ASSET_ID, settlementKey: treasury.publicKey, amountMicro: 30_000_000n };
    const change = { do: 'register', entry: entry('first box'), approve } as const;
    expect(await changeCallHex(change, chain, newcomer.publicKey)).toMatch(/^0x[0-9a-f]+$/);
    const joined = await changeRegistry(change, { chain, account: newcomer });
    expect(joined.changed).toBe(true);
    const now = await follower.look();
    expect(names(now!)).toEqual(['gw-home-01', 'gw-home-02', 'gw-home-03', 'gw-new']);
    expect(membersOf(now!).participants.find(({ id }) => id === 'new')).toEqual({
      id: 'new',
      accountKey: newcomer.publicKey,
      agentKey: agent.publicKey,
      role: 'household',
    });
    expect(await changeRegistry(change, { chain, account: newcomer })).toMatchObject({ changed: false });
    expect(await changeCallHex(change, chain, newcomer.publicKey)).toBeNull();
  });

  it('gives a name to the first account only', async () => {
    const change = { do: 'register', entry: entry('other box', 'home-01') } as const;
    await expect(changeRegistry(change, { chain, account: newcomer })).rejects.toThrow('home-01 is taken');
    const leave = { do: 'leave', community: COMMUNITY, participant: 'home-01' } as const;
    await expect(changeRegistry(leave, { chain, account: newcomer })).rejects.toThrow('belongs to');
  });

  it('says how much is missing for deposits and the fee', async () => {
    const change = { do: 'register', entry: entry('box', 'poor', pauper) } as const;
    await expect(changeRegistry(change, { chain, account: pauper })).rejects.toMatchObject({
      code: 'no-collateral',
      message: expect.stringMatching(/lacks \d+: it has 0, and needs \d+ for deposits/),
    });
  });

  it('changes a key, takes a gateway out, and puts it in again', async () => {
    const keyNow = async (): Promise<string | undefined> =>
      membersOf(await read()).gateways.find(({ payload }) => payload.gateway === 'gw-new')?.payload
        .gatewayKey;
    await changeRegistry({ do: 'register', entry: entry('second box') }, { chain, account: newcomer });
    expect(await keyNow()).toBe(signerNamed('second box').publicKey);
    const revoke = { do: 'revoke', community: COMMUNITY, participant: 'new', item: 1 } as const;
    expect(await changeRegistry(revoke, { chain, account: newcomer })).toMatchObject({ changed: true });
    expect(await changeRegistry(revoke, { chain, account: newcomer })).toMatchObject({ changed: false });
    expect(await keyNow()).toBeUndefined();
    expect(membersOf(await read()).participants.map(({ id }) => id)).toContain('new');
    await changeRegistry({ do: 'register', entry: entry('third box') }, { chain, account: newcomer });
    expect(await keyNow()).toBe(signerNamed('third box').publicKey);
  });

  it('lets a member go, and gives its deposits back; the past stays readable', async () => {
    const before = await chain.finalizedBlock();
    const leave = { do: 'leave', community: COMMUNITY, participant: 'new' } as const;
    expect(await changeRegistry(leave, { chain, account: newcomer })).toMatchObject({ changed: true });
    expect(await changeRegistry(leave, { chain, account: newcomer })).toMatchObject({ changed: false });
    expect(names((await follower.look())!)).toEqual(['gw-home-01', 'gw-home-02', 'gw-home-03']);
    expect(names(await readRegistry(chain, COMMUNITY, before))).toContain('gw-new');
    const { data } = (await chain.api.query['system']!['account']!(`0x${newcomer.publicKey}`)) as unknown as {
      data: { reserved: { toBigInt(): bigint } };
    };
    // What is still reserved is the approval's deposit.
    expect(data.reserved.toBigInt()).toBe(BigInt(chain.api.consts['assets']!['approvalDeposit']!.toString()));
  });
});
