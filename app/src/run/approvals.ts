import { CommonwattError, type Participant } from '@commonwatt/domain';
import {
  accountOf,
  addressOf,
  approvalCall,
  approvalWords,
  parseUnits,
  readApproval,
  sealPayload,
  submitOnce,
  walletPayload,
  type Chain,
  type MoneyPlace,
  type NativeToken,
  type WalletPayload,
} from '@commonwatt/substrate-client';
import { randomUUID } from 'node:crypto';

const ASSET_DECIMALS = 6;
/** Prepared approvals kept for their signature; the oldest go first. */
const KEPT_MAX = 1000;
const FINAL_DEADLINE_MS = 600_000;

/** Where the money is, for wallets and for who looks at the chain alone. */
export interface ChainFacts {
  readonly community: string;
  readonly endpoint: string;
  readonly genesisHash: string;
  readonly assetId: number;
  readonly assetSymbol: string;
  readonly assetDecimals: number;
  readonly native: NativeToken;
  /** SS58. */
  readonly settlementAccount: string;
  /** No batch of the community is in an earlier block. */
  readonly fromBlock: number;
}

/** An approval on its way. Amounts in micro-units of the asset, decimal strings. */
export interface ApprovalProgress {
  readonly id: string;
  readonly account: string;
  readonly amountMicro: string;
  readonly status: 'prepared' | 'submitted' | 'final' | 'failed';
  readonly extrinsicHash: string | null;
  readonly blockNumber: number | null;
  /** Why it failed. */
  readonly error: string | null;
}

interface Entry {
  readonly accountKey: string;
  readonly prepared: WalletPayload;
  progress: ApprovalProgress;
}

/**
 * Lets households approve with their own wallets: prepares the payload, takes the signature, hands the extrinsic in once and follows it to
 * finality. Holds no key; what it forgets can be prepared again.
 */
export class ApprovalDesk {
  readonly #chain: Chain;
  readonly #place: MoneyPlace;
  readonly #participants: () => readonly Participant[];
  readonly #onFinal: () => void;
  readonly #entries = new Map<string, Entry>();
  readonly #over = new AbortController();

  constructor(options: {
    chain: Chain;
    place: MoneyPlace;
    participants: () => readonly Participant[];
    /** Called when an approval has changed on chain. */
    onFinal: () => void;
  }) {
    this.#chain = options.chain;
    this.#place = options.place;
    this.#participants = options.participants;
    this.#onFinal = options.onFinal;
  }

  /** Balance and approval of a participant's account, or of any account. Throws `malformed`, `unknown-participant`. */
  async look(who: { participant?: string; account?: string }): Promise<{
    account: string;
    participant: string | null;
    balanceMicro: string;
    approvalMicro: string;
    nativeFree: string;
    atBlock: number;
  }> {
    const participants = this.#participants();
    let accountKey: string;
    if (who.account !== undefined) accountKey = accountOf(who.account);
    else {
      const found = participants.find(({ id }) => id === who.participant);
      if (found === undefined) {
        throw new CommonwattError(
          'unknown-participant',
          `${who.participant ?? 'nobody'} takes no part here`,
          {
            field: 'participant',
            remedy: 'give ?participant= or ?account=',
          },
        );
      }
      accountKey = found.accountKey;
    }
    const now = await readApproval(this.#chain, this.#place, accountKey);
    return {
      account: addressOf(accountKey),
      participant: participants.find((one) => one.accountKey === accountKey)?.id ?? null,
      balanceMicro: String(now.balanceMicro),
      approvalMicro: String(now.approvalMicro),
      nativeFree: String(now.nativeFree),
      atBlock: now.block.number,
    };
  }

  /** What a wallet signs so that the settlement account may draw exactly `amount` of the asset, a decimal like `50.25`. */
  async prepare(account: string, amount: string) {
    const accountKey = accountOf(account);
    const wantedMicro = parseUnits(amount, ASSET_DECIMALS, 'amount');
    const now = await readApproval(this.#chain, this.#place, accountKey);
    const call = approvalCall(this.#chain, this.#place, now, wantedMicro);
    const address = isHex(account) ? addressOf(accountKey) : account;
    const prepared = walletPayload(this.#chain, call, accountKey, now.nonce, now.block, address);
    const id = randomUUID();
    this.#keep({
      accountKey,
      prepared,
      progress: {
        id,
        account: addressOf(accountKey),
        amountMicro: String(wantedMicro),
        status: 'prepared',
        extrinsicHash: null,
        blockNumber: null,
        error: null,
      },
    });
    return {
      id,
      payload: prepared.payload,
      method: prepared.payload.method,
      says: approvalWords(this.#place, now, wantedMicro),
      /** From this block on the signature is void. */
      untilBlock: prepared.deathNumber,
    };
  }

  /** Takes the signature and hands the extrinsic in, once: sent again it only tells how things stand. */
  async submit(id: string, signature: string): Promise<ApprovalProgress> {
    const entry = this.#entry(id);
    if (entry.progress.status !== 'prepared') return entry.progress;
    const signed = await sealPayload(this.#chain, entry.prepared, entry.accountKey, signature);
    if (entry.progress.status !== 'prepared') return entry.progress;
    entry.progress = { ...entry.progress, status: 'submitted', extrinsicHash: signed.hash };
    void submitOnce(this.#chain, signed, {
      deadlineMs: FINAL_DEADLINE_MS,
      signal: this.#over.signal,
    }).then(
      ({ block, success, error }) => {
        entry.progress = {
          ...entry.progress,
          status: success ? 'final' : 'failed',
          blockNumber: block.number,
          error,
        };
        this.#onFinal();
      },
      (error: unknown) => {
        const what = error instanceof Error ? error.message : String(error);
        entry.progress = { ...entry.progress, status: 'failed', error: what };
      },
    );
    return entry.progress;
  }

  /** Throws `not-found`. */
  progress(id: string): ApprovalProgress {
    return this.#entry(id).progress;
  }

  stop(): void {
    this.#over.abort();
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry === undefined)
      throw new CommonwattError('not-found', 'no such approval was prepared here', {
        remedy: 'prepare it again',
      });
    return entry;
  }

  #keep(entry: Entry): void {
    for (const [id] of this.#entries) {
      if (this.#entries.size < KEPT_MAX) break;
      this.#entries.delete(id);
    }
    this.#entries.set(entry.progress.id, entry);
  }
}

function isHex(account: string): boolean {
  return /^(0x)?[0-9a-fA-F]{64}$/.test(account);
}
