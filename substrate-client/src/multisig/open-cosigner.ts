import { CommonwattError, type Signer } from '@commonwatt/domain';
import type { SignatoryChain } from '../chain/types.ts';
import { Ledger } from '../settlement/ledger.ts';
import type { CheckTrueUp, Rebuild } from '../verify/verify.ts';
import type { Agreed } from './agreement.ts';
import { Cosigner } from './cosigner.ts';
import type { ProposalSource, Verdict } from './proposal.ts';

export interface OpenCosignerOptions {
  readonly chain: SignatoryChain;
  readonly signer: Signer;
  /** SQLite file: what this signatory has seen, and the bytes it has sent. */
  readonly ledgerPath: string;
  readonly sources: readonly ProposalSource[];
  readonly rebuild: Rebuild;
  readonly checkTrueUp?: CheckTrueUp;
  /** What the community has agreed on; gets this signatory's ledger to remember in. */
  readonly agreed: (ledger: Ledger) => Agreed;
  readonly trusting?: boolean;
  readonly log: (line: string) => void;
  readonly pollMs?: number;
  readonly standbyMs?: number;
  readonly resubmitMs?: number;
}

export interface RunningCosigner {
  /** What it said of the proposals it saw since its start. */
  verdicts(): readonly Verdict[];
  /** What keeps it from going on now; null when nothing does. */
  trouble(): string | null;
  stop(): Promise<void>;
}

const POLL_MS = 500;
const STANDBY_MS = 15_000;
const RESUBMIT_MS = 3_000;
const RETRY_MS = 2_000;

/** Runs a signatory until it is stopped. Throws `conflict` when its ledger belongs to another one. */
export function openCosigner(options: OpenCosignerOptions): RunningCosigner {
  const { chain, signer, log } = options;
  const ledger = new Ledger(options.ledgerPath);
  const owner = `cosigner ${chain.community} ${chain.settlementKey} ${chain.assetId} ${chain.ownKey}`;
  const known = ledger.meta('owner');
  if (known === null) ledger.setMeta('owner', owner);
  if (known !== null && known !== owner) {
    ledger.close();
    throw new CommonwattError('conflict', 'the ledger belongs to another signatory, community or account', {
      remedy: 'use another --ledger file',
    });
  }
  const cosigner = new Cosigner({
    chain,
    signer,
    ledger,
    sources: options.sources,
    rebuild: options.rebuild,
    ...(options.checkTrueUp === undefined ? {} : { checkTrueUp: options.checkTrueUp }),
    agreed: options.agreed(ledger),
    trusting: options.trusting ?? false,
    standbyMs: options.standbyMs ?? STANDBY_MS,
    resubmitMs: options.resubmitMs ?? RESUBMIT_MS,
    nowMs: () => performance.now(),
    log,
  });
  const stopping = new AbortController();
  let wake = (): void => {};
  let trouble: string | null = null;
  const rest = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      if (stopping.signal.aborted) return resolve();
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        const turn = await cosigner.turn();
        if (trouble !== null) log('the cosigner goes on');
        trouble = null;
        if (turn !== 'moved') await rest(options.pollMs ?? POLL_MS);
      } catch (error) {
        const found = error instanceof Error ? error.message : String(error);
        if (found !== trouble) log(`the cosigner is held up: ${found}`);
        trouble = found;
        await rest(RETRY_MS);
      }
    }
  };
  const running = run();
  return {
    verdicts: () => cosigner.verdicts(),
    trouble: () => trouble,
    stop: async () => {
      if (stopping.signal.aborted) return running;
      stopping.abort();
      wake();
      await running;
      ledger.close();
    },
  };
}
