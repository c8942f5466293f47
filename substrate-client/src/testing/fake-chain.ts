import { createHash } from 'node:crypto';
import { CommonwattError } from '@commonwatt/domain';
import type {
  BatchCall,
  BlockRef,
  ChainBlock,
  ChainExtrinsic,
  CommunityChain,
  Holding,
  SignedExtrinsic,
} from '../chain/types.ts';

interface Account {
  balanceMicro: bigint;
  approvalMicro: bigint;
}

interface State {
  readonly accounts: ReadonlyMap<string, Account>;
  readonly nonce: number;
}

interface Block extends ChainBlock {
  readonly state: State;
}

interface Extrinsic {
  readonly call: { readonly payments: [string, string, string][]; readonly remark: string };
  readonly nonce: number;
  readonly birth: BlockRef;
  readonly deathNumber: number;
  /** What someone else signed with the settlement account: only uses up a nonce. */
  readonly foreign?: boolean;
}

export const ERA = 8;
const FEE = 1000n;
/** Key of the settlement account's own holding. */
const TREASURY = 'treasury';

/**
 * A chain in memory that refuses what the real one refuses: used and future nonces, passed eras, eras tied to a block of another fork,
 * payments without balance or approval (the whole batch then fails and still costs its nonce and fee).
 * Blocks come on `build`, become final on `finalize`, and are lost on `reorganise`, even final ones when asked.
 */
export class FakeChain implements CommunityChain {
  readonly community = 'test';
  readonly assetId = 1;
  readonly genesisHash = '0xfa4e';
  readonly settlementKey: string;
  /** How many payments it takes in one batch. */
  perBatch = 1000;
  funds = 10n ** 9n;
  readonly #blocks: Block[];
  readonly #byHash = new Map<string, Block>();
  readonly #pool = new Map<string, string>();
  #finalNumber = 0;
  #fork = 0;

  constructor(settlementKey: string, accounts: ReadonlyMap<string, Account>) {
    this.settlementKey = settlementKey;
    const state = { accounts: copy(accounts), nonce: 0 };
    this.#blocks = [{ number: 0, hash: hashOf('genesis'), parentHash: '0x00', extrinsics: [], state }];
    this.#byHash.set(this.#blocks[0]!.hash, this.#blocks[0]!);
  }

  // What settlement sees.

  async finalizedBlock(): Promise<BlockRef> {
    return ref(this.#blocks[this.#finalNumber]!);
  }

  async bestBlock(): Promise<BlockRef> {
    return ref(this.#best);
  }

  async blockHashAt(number: number): Promise<string | null> {
    return this.#blocks[number]?.hash ?? null;
  }

  async block(hash: string): Promise<ChainBlock> {
    return this.#known(hash);
  }

  async nonceAt(blockHash: string): Promise<number> {
    return this.#known(blockHash).state.nonce;
  }

  async holdings(keys: readonly string[], blockHash: string): Promise<ReadonlyMap<string, Holding>> {
    const { accounts } = this.#known(blockHash).state;
    return new Map(
      keys.map((key) => {
        const { balanceMicro, approvalMicro } = accounts.get(key) ?? { balanceMicro: 0n, approvalMicro: 0n };
        return [key, { balanceMicro, approvalMicro, receives: true }];
      }),
    );
  }

  async fundsNative(): Promise<bigint> {
    return this.funds;
  }

  async paymentsMax(): Promise<number> {
    return this.perBatch;
  }

  async sign(call: BatchCall, nonce: number, birth: BlockRef): Promise<SignedExtrinsic> {
    const payments = call.payments.map(({ direction, accountKey, amountMicro }): [string, string, string] => [
      direction,
      accountKey,
      String(amountMicro),
    ]);
    const deathNumber = birth.number + ERA;
    const bytes = JSON.stringify({ call: { payments, remark: call.remark }, nonce, birth, deathNumber });
    return { bytes, hash: hashOf(bytes), nonce, birth, deathNumber };
  }

  async submit(bytes: string): Promise<void> {
    const refusal = this.#refusal(
      JSON.parse(bytes) as Extrinsic,
      this.#best.state.nonce,
      this.#best.number + 1,
    );
    if (refusal !== null && refusal !== 'future') throw new CommonwattError('conflict', refusal);
    this.#pool.set(hashOf(bytes), bytes);
  }

  async nudge(): Promise<void> {
    this.build();
    this.finalize(0);
  }

  // What the test does to it.

  get height(): number {
    return this.#best.number;
  }

  /** All batches that were carried out on the best chain. */
  get carriedOut(): readonly ChainExtrinsic[] {
    return this.#blocks.flatMap(({ extrinsics }) =>
      extrinsics.filter(({ success, batch }) => success && batch),
    );
  }

  accounts(): ReadonlyMap<string, Account> {
    return this.#best.state.accounts;
  }

  /** Makes a block of what the pool holds. */
  build(): void {
    const parent = this.#best;
    const number = parent.number + 1;
    let state = parent.state;
    const extrinsics: ChainExtrinsic[] = [];
    for (const [hash, bytes] of this.#pool) {
      const extrinsic = JSON.parse(bytes) as Extrinsic;
      const refusal = this.#refusal(extrinsic, state.nonce, number);
      if (refusal !== 'future') this.#pool.delete(hash);
      if (refusal !== null) continue;
      const done = execute(state, extrinsic);
      state = done.state;
      extrinsics.push(this.#outcome(extrinsic, hash, extrinsics.length, done.error));
    }
    this.#fork += 1;
    const hash = hashOf(`${parent.hash} ${number} ${this.#fork}`);
    const block = { number, hash, parentHash: parent.hash, extrinsics, state };
    this.#blocks.push(block);
    this.#byHash.set(hash, block);
  }

  /** Blocks up to `lag` below the best one become final. */
  finalize(lag: number): void {
    this.#finalNumber = Math.max(this.#finalNumber, this.#best.number - lag);
  }

  /** Takes the newest blocks back. Final ones only with `evenFinal`: a chain that lost its tail. The pool forgets or keeps them. */
  reorganise(depth: number, evenFinal: boolean): void {
    const floor = evenFinal ? 0 : this.#finalNumber;
    this.#blocks.length = Math.max(floor, this.#best.number - depth) + 1;
    this.#finalNumber = Math.min(this.#finalNumber, this.#best.number);
  }

  dropPool(): void {
    this.#pool.clear();
  }

  /** Somebody else uses the settlement account once. */
  useNonce(): void {
    const { state, number, hash } = this.#best;
    const call = { payments: [], remark: '' };
    const bytes = JSON.stringify({
      call,
      nonce: state.nonce,
      birth: { number, hash },
      deathNumber: number + ERA,
      foreign: true,
    });
    this.#pool.set(hashOf(bytes), bytes);
  }

  setAccount(key: string, account: Account): void {
    const block = this.#best;
    const accounts = new Map(block.state.accounts).set(key, account);
    const changed = { ...block, state: { ...block.state, accounts } };
    this.#blocks[block.number] = changed;
    this.#byHash.set(block.hash, changed);
  }

  get #best(): Block {
    return this.#blocks.at(-1)!;
  }

  #known(hash: string): Block {
    const block = this.#byHash.get(hash);
    if (!block) throw new CommonwattError('not-found', `no block ${hash}`);
    return block;
  }

  #refusal(extrinsic: Extrinsic, nonce: number, atNumber: number): string | null {
    if (atNumber >= extrinsic.deathNumber) return 'the era has passed';
    if (this.#blocks[extrinsic.birth.number]?.hash !== extrinsic.birth.hash) return 'bad proof: another fork';
    if (extrinsic.nonce < nonce) return 'stale nonce';
    return extrinsic.nonce > nonce ? 'future' : null;
  }

  #outcome(extrinsic: Extrinsic, hash: string, index: number, error: string | null): ChainExtrinsic {
    const payments = extrinsic.call.payments.map(([direction, accountKey, amount]) => ({
      direction: direction as 'in' | 'out',
      accountKey,
      amountMicro: BigInt(amount),
    }));
    return {
      hash,
      index,
      origin: this.settlementKey,
      success: error === null,
      error,
      feeNative: FEE,
      batch: extrinsic.foreign ? null : { assetIds: [1], payments, remark: extrinsic.call.remark },
    };
  }
}

function execute(state: State, extrinsic: Extrinsic): { state: State; error: string | null } {
  const nonce = state.nonce + 1;
  const accounts = copy(state.accounts);
  // Between the parts of a batch the settlement account holds what was drawn.
  const own = accounts.get(TREASURY) ?? { balanceMicro: 0n, approvalMicro: 0n };
  accounts.set(TREASURY, own);
  for (const [direction, key, amount] of extrinsic.call.payments) {
    const amountMicro = BigInt(amount);
    const account = accounts.get(key) ?? { balanceMicro: 0n, approvalMicro: 0n };
    accounts.set(key, account);
    if (direction === 'in') {
      if (account.approvalMicro < amountMicro) return fail(state, nonce, 'assets.Unapproved');
      if (account.balanceMicro < amountMicro) return fail(state, nonce, 'assets.BalanceLow');
      account.approvalMicro -= amountMicro;
      account.balanceMicro -= amountMicro;
      own.balanceMicro += amountMicro;
    } else {
      if (own.balanceMicro < amountMicro) return fail(state, nonce, 'assets.BalanceLow');
      own.balanceMicro -= amountMicro;
      account.balanceMicro += amountMicro;
    }
  }
  return { state: { accounts, nonce }, error: null };
}

function fail(state: State, nonce: number, error: string): { state: State; error: string } {
  return { state: { accounts: state.accounts, nonce }, error };
}

function copy(accounts: ReadonlyMap<string, Account>): Map<string, Account> {
  return new Map([...accounts].map(([key, account]) => [key, { ...account }]));
}

function ref({ number, hash }: BlockRef): BlockRef {
  return { number, hash };
}

function hashOf(text: string): string {
  return `0x${createHash('sha256').update(text).digest('hex')}`;
}
