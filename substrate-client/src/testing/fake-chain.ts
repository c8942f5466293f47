import { createHash } from 'node:crypto';
import { CommonwattError } from '@commonwatt/domain';
import type {
  BatchCall,
  BlockRef,
  ChainBlock,
  ChainExtrinsic,
  ChainPayment,
  CommunityChain,
  Holding,
  PaymentRefusal,
  SignedExtrinsic,
} from '../chain/types.ts';
import {
  approve,
  decode,
  NO_MULTISIG,
  type FakeApproval,
  type FakeCall,
  type MultisigState,
} from './fake-multisig.ts';
import { movePayments, NO_ACCOUNT, type AssetsState, type FakeAccount } from './fake-assets.ts';

interface State extends AssetsState {
  readonly nonce: number;
  readonly fundsNative: bigint;
  readonly multisig: MultisigState;
}

interface Block extends ChainBlock {
  readonly state: State;
}

interface Extrinsic {
  readonly call: FakeCall;
  readonly nonce: number;
  readonly birth: BlockRef;
  readonly deathNumber: number;
  readonly genesisHash: string;
  readonly specVersion: number;
  /** What someone else signed with the settlement account: only uses up a nonce. */
  readonly foreign?: boolean;
  /** By a signatory of the account, not by the account itself. */
  readonly approval?: FakeApproval;
}

export const ERA = 8;
export const FEE = 1000n;

/**
 * A chain in memory that refuses what the real one refuses: used and future nonces, passed eras, eras tied to a block of another fork,
 * other chains' signatures, batches that are too large, a signer without money for the fee; and payments that the asset does not allow
 * (the whole batch then fails and still costs its nonce and fee). Blocks come on `build`, become final on `finalize`, and are lost on
 * `reorganise`, even final ones when asked.
 */
export class FakeChain implements CommunityChain {
  readonly community = 'test';
  readonly assetId = 1;
  readonly genesisHash = '0xfa4e';
  readonly specVersion = 1;
  readonly settlementKey: string;
  /** How many payments it says one batch may carry; it takes a third more. */
  perBatch = 1000;
  minBalanceMicro = 1n;
  /** What the chain refuses to whom, though no state shows it. */
  readonly secretRefusals = new Map<string, string>();
  readonly #blocks: Block[];
  readonly #byHash = new Map<string, Block>();
  readonly #pool = new Map<string, string>();
  #finalNumber = 0;
  #fork = 0;

  constructor(
    settlementKey: string,
    accounts: ReadonlyMap<string, { balanceMicro: bigint; approvalMicro: bigint }>,
  ) {
    this.settlementKey = settlementKey;
    const state: State = {
      accounts: new Map([
        ...[...accounts].map(([key, means]) => [key, account(means)] as const),
        [settlementKey, { ...NO_ACCOUNT, canOpen: true }],
      ]),
      assetFrozen: false,
      nonce: 0,
      fundsNative: 10n ** 12n,
      multisig: NO_MULTISIG,
    };
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
    const minimum = this.minBalanceMicro;
    return new Map(
      keys.map((key) => {
        const { balanceMicro, approvalMicro, frozen, canOpen } = accounts.get(key) ?? NO_ACCOUNT;
        const free = (balanceMicro ?? 0n) - minimum;
        return [
          key,
          {
            balanceMicro: free > 0n ? free : 0n,
            approvalMicro: approvalMicro ?? 0n,
            cannotPay: frozen ? 'its account is frozen' : null,
            cannotReceive: balanceMicro === null && !canOpen ? 'it cannot hold the asset' : null,
            receivesFromMicro: balanceMicro === null ? minimum : 1n,
          },
        ];
      }),
    );
  }

  async obstacle(blockHash: string): Promise<string | null> {
    const { assetFrozen, accounts } = this.#known(blockHash).state;
    const own = accounts.get(this.settlementKey) ?? NO_ACCOUNT;
    if (assetFrozen) return 'the asset is frozen';
    if (own.frozen) return 'the settlement account is frozen';
    if (this.minBalanceMicro > 1n && (own.balanceMicro ?? 0n) < this.minBalanceMicro)
      return `the settlement account needs ${this.minBalanceMicro} micro-units of its own`;
    return null;
  }

  async firstRefusal(payments: readonly ChainPayment[], blockHash: string): Promise<PaymentRefusal | null> {
    return this.#move(this.#known(blockHash).state, payments).failed;
  }

  async fundsNative(): Promise<bigint> {
    return this.#blocks[this.#finalNumber]!.state.fundsNative;
  }

  async paymentsMax(): Promise<number> {
    return this.perBatch;
  }

  async sign(call: BatchCall, nonce: number, birth: BlockRef): Promise<SignedExtrinsic> {
    return this.signAs(call, nonce, birth, {});
  }

  async submit(bytes: string): Promise<void> {
    const extrinsic = JSON.parse(bytes) as Extrinsic;
    const { state, number } = this.#best;
    const refusal = this.#refusal(extrinsic, state, number + 1);
    if (refusal !== null && refusal !== 'future') throw new CommonwattError('conflict', refusal);
    if (this.#pool.has(hashOf(bytes))) throw new CommonwattError('conflict', 'already imported');
    this.#pool.set(hashOf(bytes), bytes);
  }

  async nudge(): Promise<void> {
    this.build();
    this.finalize(0);
  }

  // What the test does to it.

  /** Signs for another chain or runtime, when asked. */
  signAs(
    call: BatchCall,
    nonce: number,
    birth: BlockRef,
    other: { genesisHash?: string; specVersion?: number; foreign?: boolean },
  ): SignedExtrinsic {
    const payments = call.payments.map(({ direction, accountKey, amountMicro }): [string, string, string] => [
      direction,
      accountKey,
      String(amountMicro),
    ]);
    const deathNumber = birth.number + ERA;
    const { genesisHash, specVersion } = this;
    const extrinsic: Extrinsic = {
      call: { payments, remark: call.remark },
      nonce,
      birth,
      deathNumber,
      genesisHash,
      specVersion,
      ...other,
    };
    const bytes = JSON.stringify(extrinsic);
    return { bytes, hash: hashOf(bytes), nonce, birth, deathNumber };
  }

  get height(): number {
    return this.#best.number;
  }

  /** All batches that were carried out on the best chain. */
  get carriedOut(): readonly ChainExtrinsic[] {
    return this.#blocks.flatMap(({ extrinsics }) =>
      extrinsics.filter(({ success, batch }) => success && batch),
    );
  }

  /** All that were refused in their block, on the best chain. */
  get failed(): readonly ChainExtrinsic[] {
    return this.#blocks.flatMap(({ extrinsics }) => extrinsics.filter(({ success }) => !success));
  }

  /** The multisig part of the state after a block. */
  multisigAt(blockHash: string): MultisigState {
    return this.#known(blockHash).state.multisig;
  }

  accounts(): ReadonlyMap<string, FakeAccount> {
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
      const refusal = this.#refusal(extrinsic, state, number);
      if (refusal !== 'future') this.#pool.delete(hash);
      if (refusal !== null) continue;
      if (extrinsic.approval) {
        const here = { height: number, index: extrinsics.length };
        const done = this.#approve(state, extrinsic.approval, here);
        state = done.state;
        extrinsics.push(this.#approvalOutcome(extrinsic.approval, hash, here.index, done));
        continue;
      }
      const paid = { ...state, nonce: state.nonce + 1, fundsNative: state.fundsNative - FEE };
      const done = this.#move(paid, paymentsOf(extrinsic));
      state = { ...paid, ...done.state };
      extrinsics.push(this.#outcome(extrinsic, hash, extrinsics.length, done.failed?.error ?? null));
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

  get finalNumber(): number {
    return this.#finalNumber;
  }

  /** Stops and starts from its disk, which holds the final blocks. */
  restart(): void {
    this.dropPool();
    this.reorganise(this.#best.number - this.#finalNumber, false);
  }

  dropPool(): void {
    this.#pool.clear();
  }

  /** Somebody else uses the settlement account once. */
  useNonce(): void {
    const { state, number, hash } = this.#best;
    const call = { payments: [], remark: '' };
    const { bytes } = this.signAs(call, state.nonce, { number, hash }, { foreign: true });
    this.#pool.set(hashOf(bytes), bytes);
  }

  /** Changes an account in the best block; what is left out stays. */
  setAccount(key: string, change: Partial<FakeAccount>): void {
    const before = this.#best.state.accounts.get(key) ?? NO_ACCOUNT;
    this.#change({ accounts: new Map(this.#best.state.accounts).set(key, { ...before, ...change }) });
  }

  freezeAsset(assetFrozen: boolean): void {
    this.#change({ assetFrozen });
  }

  setFunds(fundsNative: bigint): void {
    this.#change({ fundsNative });
  }

  #change(change: Partial<State>): void {
    const block = this.#best;
    const changed = { ...block, state: { ...block.state, ...change } };
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

  #move(state: State, payments: readonly ChainPayment[]): ReturnType<typeof movePayments> {
    const index = payments.findIndex(
      ({ direction, accountKey }) => direction === 'out' && this.secretRefusals.has(accountKey),
    );
    const done = movePayments(state, this.settlementKey, payments, this.minBalanceMicro);
    if (index < 0 || (done.failed !== null && done.failed.index < index)) return done;
    return { state, failed: { index, error: this.secretRefusals.get(payments[index]!.accountKey)! } };
  }

  #approve(
    state: State,
    approval: FakeApproval,
    here: { height: number; index: number },
  ): { state: State; error: string | null; carriedOut: boolean } {
    const { state: multisig, error, carriesOut } = approve(state.multisig, approval, here);
    const after = { ...state, multisig };
    const { call } = approval;
    if (!carriesOut || call === null) return { state: after, error, carriedOut: false };
    if (call.turn !== multisig.turn + 1)
      return { state: after, error: 'uniques.UnknownClass', carriedOut: true };
    // What fails inside undoes only itself.
    const inner = this.#move(after, paymentsOf({ call }));
    if (inner.failed !== null) return { state: after, error: inner.failed.error, carriedOut: true };
    const moved = { ...after, ...inner.state, multisig: { ...multisig, turn: multisig.turn + 1 } };
    return { state: moved, error: null, carriedOut: true };
  }

  #approvalOutcome(
    { signer, call }: FakeApproval,
    hash: string,
    index: number,
    { error, carriedOut }: { error: string | null; carriedOut: boolean },
  ): ChainExtrinsic {
    return {
      hash,
      index,
      origin: carriedOut ? this.settlementKey : signer,
      success: error === null,
      error,
      feeNative: FEE,
      batch: carriedOut && call !== null ? decode(JSON.stringify(call)) : null,
    };
  }

  #refusal(extrinsic: Extrinsic, state: State, atNumber: number): string | null {
    const { genesisHash, specVersion, birth, nonce, deathNumber, call, approval } = extrinsic;
    const next = approval ? (state.multisig.nonces.get(approval.signer) ?? 0) : state.nonce;
    // The runtime then takes the era to begin later, and the signature is not over that block.
    if (atNumber >= deathNumber) return 'bad proof: the era has passed';
    if (genesisHash !== this.genesisHash || specVersion !== this.specVersion) return 'bad proof';
    if (this.#blocks[birth.number]?.hash !== birth.hash) return 'bad proof: another fork';
    if (nonce < next) return 'stale';
    if (call.payments.length > this.perBatch + Math.ceil(this.perBatch / 3)) return 'exhausts resources';
    if (state.fundsNative < FEE) return 'payment';
    return nonce > next ? 'future' : null;
  }

  #outcome(extrinsic: Extrinsic, hash: string, index: number, error: string | null): ChainExtrinsic {
    const payments = paymentsOf(extrinsic);
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

function account({
  balanceMicro,
  approvalMicro,
}: {
  balanceMicro: bigint;
  approvalMicro: bigint;
}): FakeAccount {
  return { balanceMicro, approvalMicro, frozen: false, canOpen: true };
}

function paymentsOf({ call }: Pick<Extrinsic, 'call'>): ChainPayment[] {
  return call.payments.map(([direction, accountKey, amount]) => ({
    direction: direction as 'in' | 'out',
    accountKey,
    amountMicro: BigInt(amount),
  }));
}

function ref({ number, hash }: BlockRef): BlockRef {
  return { number, hash };
}

export function hashOf(text: string): string {
  return `0x${createHash('sha256').update(text).digest('hex')}`;
}
