/** Wallet extensions, through the interface that Polkadot extensions put on every page (`window.injectedWeb3`). No library of theirs is needed. */

export interface WalletAccount {
  /** SS58, of whatever prefix the wallet shows. */
  readonly address: string;
  readonly name: string;
  readonly wallet: string;
  sign(payload: unknown): Promise<string>;
}

interface InjectedAccount {
  readonly address: string;
  readonly name?: string;
  readonly type?: string;
}
interface Injected {
  readonly accounts: { get(anyType?: boolean): Promise<readonly InjectedAccount[]> };
  readonly signer: { signPayload?(payload: unknown): Promise<{ readonly signature: string }> };
}
interface InjectedWindow {
  readonly injectedWeb3?: Readonly<
    Record<
      string,
      { enable?(origin: string): Promise<Injected>; connect?(origin: string): Promise<Injected> }
    >
  >;
}

const NAME = 'Commonwatt';
/** Accounts of this kind belong to other chains. */
const FOREIGN = 'ethereum';

/** Names of the wallets there are; extensions may come a moment after the page. */
export function walletNames(host: unknown): string[] {
  return Object.keys((host as InjectedWindow).injectedWeb3 ?? {});
}

/** Asks every wallet for its accounts; the user sees a window of the wallet. A wallet that refuses is left out, with its reason when none is left. */
export async function connectWallets(host: unknown): Promise<WalletAccount[]> {
  const accounts: WalletAccount[] = [];
  const refusals: string[] = [];
  for (const [wallet, entry] of Object.entries((host as InjectedWindow).injectedWeb3 ?? {})) {
    try {
      const open = entry.enable ?? entry.connect;
      if (open === undefined) throw new Error('it speaks another version');
      const { accounts: list, signer } = await open.call(entry, NAME);
      for (const { address, name, type } of await list.get()) {
        if (type === FOREIGN) continue;
        accounts.push({
          address,
          name: name ?? '',
          wallet,
          sign: async (payload) => {
            if (signer.signPayload === undefined) throw new Error(`${wallet} cannot sign here`);
            return (await signer.signPayload(payload)).signature;
          },
        });
      }
    } catch (error) {
      refusals.push(`${wallet}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (accounts.length === 0) {
    throw new Error(
      refusals.length > 0 ? refusals.join('; ') : 'no wallet here has an account for this chain',
    );
  }
  return accounts;
}
