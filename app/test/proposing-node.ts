import type { Signer, SlotId } from '@commonwatt/domain';
import { CommonwattError, type BundleRecord, type Signed } from '@commonwatt/domain';
import { rebuildRecords } from '@commonwatt/market-engine';
import {
  openCosigner,
  openSettlement,
  signatoryChain,
  type Chain,
  type MultisigTerms,
  type Proposal,
  type ProposalSource,
  type RunningCosigner,
  type Settlement,
  type Verdict,
} from '@commonwatt/substrate-client';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** A node that settles and proposes, honest or not, with its public desk on loopback. */
export interface ProposingNode {
  readonly address: string;
  readonly settlement: Settlement;
  readonly said: readonly string[];
  stop(): Promise<void>;
}

type Lie = (proposal: Proposal) => Promise<Proposal>;

/**
 * Starts one. `lie` changes what it proposes, and what its own signature approves, before anybody sees it; the slots handed to its
 * settlement may be forged as well.
 */
export async function startProposingNode(options: {
  readonly chain: Chain;
  readonly community: string;
  readonly assetId: number;
  readonly terms: MultisigTerms;
  readonly signer: Signer;
  readonly folder: string;
  readonly lie?: Lie;
}): Promise<ProposingNode> {
  const { chain, community, assetId, terms, signer, folder, lie } = options;
  const said: string[] = [];
  const log = (line: string): void => void said.push(line);
  const signatory = signatoryChain({ chain, community, assetId, terms, signer, dev: true });
  const settlement = await openSettlement({
    chain: signatory,
    signatory,
    ledgerPath: join(folder, `${community}-settlement.sqlite`),
    bundleDir: join(folder, `${community}-bundles`),
    periodSlots: 1,
    slotMinutes: 15,
    log,
  });
  const desk = settlement.desk!;
  let shown: Promise<Proposal>[] = [];
  let honest = '';
  const source: ProposalSource = {
    name: 'the proposing node',
    proposals: async () => {
      const offered = await desk.proposals();
      const now = JSON.stringify(offered);
      if (now !== honest) shown = offered.map(lie ?? (async (proposal) => proposal));
      honest = now;
      return Promise.all(shown);
    },
    record: (root) => desk.record(root),
    records: (root) => desk.records(root),
    report: (verdict) =>
      lie === undefined ? desk.report(verdict) : Promise.resolve(log(`told: ${JSON.stringify(verdict)}`)),
  };
  const own: RunningCosigner = openCosigner({
    chain: signatory,
    signer,
    ledgerPath: join(folder, `${community}-own.sqlite`),
    sources: [source],
    rebuild: rebuildRecords,
    agreed: () => ({ refresh: async () => {}, check: async () => [] }),
    trusting: true,
    log,
    pollMs: 100,
  });
  const { address, close } = await serve(source);
  return {
    address,
    settlement,
    said,
    stop: async () => {
      await own.stop();
      await settlement.stop();
      await close();
    },
  };
}

async function serve(source: ProposalSource): Promise<{ address: string; close(): Promise<void> }> {
  const answer = async (method: string, path: string, body: string): Promise<unknown> => {
    const root = path.split('/').at(-1)!;
    if (path === '/v1/settlement/proposals') return source.proposals();
    if (path.startsWith('/v1/settlement/batches/')) return source.record(root);
    if (path.startsWith('/v1/settlement/slots/')) return source.records(root);
    if (method !== 'POST') throw new CommonwattError('not-found', path);
    await source.report(JSON.parse(body) as Signed<Verdict>);
    return {};
  };
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      answer(request.method ?? 'GET', request.url ?? '/', body).then(
        (value) => response.writeHead(200).end(JSON.stringify(value)),
        (error: unknown) => {
          const code = error instanceof CommonwattError ? error.code : 'internal';
          response.writeHead(code === 'not-found' ? 404 : code === 'conflict' ? 409 : 503).end(String(error));
        },
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A slot whose clearing says another price than its orders give, and nothing else. */
export function forgedClearing(slot: { slot: SlotId; records: readonly BundleRecord[] }): {
  slot: SlotId;
  records: BundleRecord[];
} {
  const records = slot.records.map((record): BundleRecord => {
    if (record.type !== 'clearing') return record;
    const { clearing } = record;
    return {
      type: 'clearing',
      clearing: { ...clearing, priceMicroPerKwh: (clearing.priceMicroPerKwh ?? 0) + 1 },
    };
  });
  return { slot: slot.slot, records };
}
