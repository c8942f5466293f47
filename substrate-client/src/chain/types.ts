/**
 * The chain as settlement needs it. Everything a fake can also be: no word of any library here.
 * Account keys are raw public keys, 64 hex digits. Hashes and bytes are 0x-hex. Money in micro-units of the community's asset,
 * fees in the chain's smallest native unit.
 */
export interface BlockRef {
  readonly number: number;
  readonly hash: string;
}

export interface ChainPayment {
  readonly direction: 'in' | 'out';
  /** Who pays (`in`) or receives (`out`); the other side is the settlement account. */
  readonly accountKey: string;
  readonly amountMicro: bigint;
}

/** Whose turn it is among all batches of a multisig account (see `multisig/turn.ts`): on chain an item of a collection of its own. */
export interface Turn {
  readonly collection: number;
  /** 1 for the account's first extrinsic, then one more each. */
  readonly number: number;
}

/** What one atomic batch does: its turn if the account is a multisig, draws and payments in order, then its remark. */
export interface BatchCall {
  readonly payments: readonly ChainPayment[];
  readonly remark: string;
  readonly turn?: Turn;
}

/** A batch as it stands in a block: any atomic `batchAll` that ends in a remark. `payments` is null when it does anything else besides. */
export interface BatchOnChain {
  readonly assetIds: readonly number[];
  readonly payments: readonly ChainPayment[] | null;
  readonly remark: string;
  readonly turn?: Turn;
}

export interface ChainExtrinsic {
  readonly hash: string;
  readonly index: number;
  /** Who dispatched the call; for a call through a multisig, the multisig. */
  readonly origin: string;
  readonly success: boolean;
  /** Why the dispatch failed, e.g. `assets.BalanceLow`. */
  readonly error: string | null;
  readonly feeNative: bigint;
  readonly batch: BatchOnChain | null;
}

export interface ChainBlock extends BlockRef {
  readonly parentHash: string;
  /** Signed extrinsics only. */
  readonly extrinsics: readonly ChainExtrinsic[];
}

/** Reading; every method has a deadline and throws CommonwattError `unavailable` when the node does not answer. */
export interface ChainReader {
  finalizedBlock(): Promise<BlockRef>;
  bestBlock(): Promise<BlockRef>;
  /** Hash of the block at a height of the best chain; null above its head. */
  blockHashAt(number: number): Promise<string | null>;
  /** Throws `not-found` when the node does not know the block. */
  block(hash: string): Promise<ChainBlock>;
}

export interface SignedExtrinsic {
  readonly bytes: string;
  readonly hash: string;
  readonly nonce: number;
  /** The block its mortal era is tied to; on a chain with another block there it can never be included. */
  readonly birth: BlockRef;
  /** From this height on it can never be included. */
  readonly deathNumber: number;
}

export interface Holding {
  /** What the account could give away without being reaped. */
  readonly balanceMicro: bigint;
  /** What it still lets the settlement account draw. */
  readonly approvalMicro: bigint;
  /** Why it can pay nothing whatever it has, e.g. that it is frozen; null when nothing keeps it. */
  readonly cannotPay: string | null;
  /** Why it can be paid nothing whatever the amount; null when it can be paid `receivesFromMicro` or more. */
  readonly cannotReceive: string | null;
  /** The smallest payment it takes: the asset's minimum when the payment would open its account, else 1. */
  readonly receivesFromMicro: bigint;
}

/** The first payment of a batch that a chain would refuse, and its error, e.g. `Token.CannotCreate`. */
export interface PaymentRefusal {
  readonly index: number;
  readonly error: string;
}

/** A community's money on a chain: what `openSettlement` works with. */
export interface CommunityChain extends ChainReader {
  readonly community: string;
  readonly assetId: number;
  /** The account that draws and pays. */
  readonly settlementKey: string;
  readonly genesisHash: string;
  /** Nonce of the settlement account in the state after a block. */
  nonceAt(blockHash: string): Promise<number>;
  holdings(accountKeys: readonly string[], blockHash: string): Promise<ReadonlyMap<string, Holding>>;
  /** What keeps any batch at all from being carried out in the state after a block (a frozen asset or settlement account); null when nothing does. */
  obstacle(blockHash: string): Promise<string | null>;
  /**
   * Tries the payments, in order, in the state after a block, without doing anything. Null when the chain would carry out all of them,
   * or does not let itself be asked.
   */
  firstRefusal(payments: readonly ChainPayment[], blockHash: string): Promise<PaymentRefusal | null>;
  /** What the settlement account has for fees. */
  fundsNative(): Promise<bigint>;
  /** How many payments one batch may carry, by the chain's own limits. */
  paymentsMax(): Promise<number>;
  sign(call: BatchCall, nonce: number, birth: BlockRef): Promise<SignedExtrinsic>;
  /** Hands the bytes to the node. Throws `conflict` when the chain refuses them, `unavailable` when nothing is known. */
  submit(bytes: string): Promise<void>;
  /** A chain that makes blocks only on demand makes one now; elsewhere nothing happens. */
  nudge(): Promise<void>;
}

/** Where a multisig's operation was opened: the block and the extrinsic in it. Every later approval names it. */
export interface Timepoint {
  readonly height: number;
  readonly index: number;
}

/** A call that waits on chain for approvals. */
export interface MultisigOperation {
  readonly when: Timepoint;
  readonly depositor: string;
  /** Raw keys. */
  readonly approvals: readonly string[];
}

/** One signatory's extrinsic for an operation: opens it without a timepoint, carries it out when its approval is the last that is needed. */
export interface Approval {
  readonly call: BatchCall;
  readonly when: Timepoint | null;
  /** With the call itself, not just its hash: carried out when there are enough approvals. */
  readonly withCall: boolean;
}

/** A settlement account that is a k-of-n multisig, as one of its signatories sees it. */
export interface SignatoryChain extends ChainReader {
  readonly community: string;
  readonly assetId: number;
  /** The multisig account. */
  readonly settlementKey: string;
  readonly genesisHash: string;
  /** All signatories, in the order the community has agreed on; the first ones approve first. */
  readonly signatories: readonly string[];
  readonly threshold: number;
  /** The signatory that signs here. */
  readonly ownKey: string;
  holdings(accountKeys: readonly string[], blockHash: string): Promise<ReadonlyMap<string, Holding>>;
  /** The number of the last turn the account has taken in the state after a block; 0 before the first. */
  turnAt(blockHash: string): Promise<number>;
  /** A batch as the chain's bytes, and their hash, which names the operation. */
  encode(call: BatchCall): Promise<{ callData: string; callHash: string }>;
  /** What call data do; null when they are no batch. */
  decode(callData: string): Promise<BatchOnChain | null>;
  operation(callHash: string, blockHash: string): Promise<MultisigOperation | null>;
  /** Nonce of the signatory's own account in the state after a block. */
  ownNonceAt(blockHash: string): Promise<number>;
  signApproval(approval: Approval, nonce: number, birth: BlockRef): Promise<SignedExtrinsic>;
  submit(bytes: string): Promise<void>;
}
