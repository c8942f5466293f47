/** What the chain's process tells its parent. */
export type FromChain =
  | { readonly type: 'progress'; readonly text: string }
  | { readonly type: 'ready'; readonly port: number; readonly block: number }
  | { readonly type: 'failed'; readonly message: string };

/** What the parent tells the chain's process. */
export type ToChain =
  | { readonly type: 'start'; readonly dir: string; readonly port: number; readonly lockWaitMs: number }
  | { readonly type: 'stop' };

/** In the state folder while the chain runs: who serves it, and where. */
export interface Announcement {
  readonly pid: number;
  readonly endpoint: string;
  /** Also answered by the RPC method `commonwatt_instance`, so a reused port or pid is told apart. */
  readonly instance: string;
}

export const ANNOUNCEMENT_FILE = 'chain.json';
export const STORE_FILE = 'chain.sqlite';
