import { useEffect, useState } from 'preact/hooks';
import {
  ask,
  formatExact,
  type ApprovalProgress,
  type ApprovalView,
  type ChainView,
  type PreparedApproval,
} from '../approvals.ts';
import { connectWallets, walletNames, type WalletAccount } from '../wallet.ts';
import { Hash } from './batches.tsx';

const LOOK_MS = 1000;

/** What the settlement account may draw from a household, and a way to change it with the household's own wallet. */
export function Approval({ participant }: { participant: string }) {
  const [chain, setChain] = useState<ChainView | null>(null);
  const [own, setOwn] = useState<ApprovalView | null>(null);
  const [accounts, setAccounts] = useState<readonly WalletAccount[]>([]);
  const [address, setAddress] = useState('');
  const [chosen, setChosen] = useState<ApprovalView | null>(null);
  const [amount, setAmount] = useState('');
  const [said, setSaid] = useState('');
  const [call, setCall] = useState<PreparedApproval | null>(null);
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    let gone = false;
    Promise.all([
      ask<ChainView>('v1/chain'),
      ask<ApprovalView>(`v1/approvals?participant=${participant}`),
    ]).then(
      ([facts, state]) => {
        if (gone) return;
        setChain(facts);
        setOwn(state);
        setAddress((before) => before || state.account);
      },
      (error: Error) => gone || setSaid(error.message),
    );
    return () => {
      gone = true;
    };
  }, [participant]);

  if (chain === null || own === null) {
    return (
      <section class="card approval">
        <h2>Approval on chain</h2>
        <p class="empty" role="status">
          {said || 'Asking the chain.'}
        </p>
      </section>
    );
  }
  const shown = chosen ?? own;
  const wallet = accounts.find((account) => account.address === address);
  const money = (amountMicro: string) => formatExact(amountMicro, chain.assetSymbol);

  const run = async (work: () => Promise<void>) => {
    setBusy(true);
    try {
      await work();
    } catch (error) {
      setSaid(error instanceof Error ? error.message : String(error));
    }
    setBusy(false);
  };
  const look = async (account: string) =>
    setChosen(await ask<ApprovalView>(`v1/approvals?account=${account}`));
  const connect = () =>
    run(async () => {
      const found = await connectWallets(window);
      const first = found[0]?.address ?? '';
      setAccounts(found);
      setAddress(first);
      setSaid('');
      await look(first);
    });
  const prepare = async () => {
    const prepared = await ask<PreparedApproval>('v1/approvals/prepare', {
      account: wallet?.address ?? shown.account,
      amount,
    });
    setCall(prepared);
    return prepared;
  };
  const approve = () =>
    run(async () => {
      if (wallet === undefined) return;
      setSaid('');
      const { id, payload } = await prepare();
      setSaid('Waiting for the wallet …');
      const signature = await wallet.sign(payload);
      let progress = await ask<ApprovalProgress>('v1/approvals/submit', { id, signature });
      setSaid('On its way to the chain …');
      while (progress.status === 'submitted') {
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
        progress = await ask<ApprovalProgress>(`v1/approvals/${id}`);
      }
      setSaid(
        progress.status === 'final'
          ? `Final in block ${progress.blockNumber}.`
          : `The chain did not take it: ${progress.error ?? 'unknown'}`,
      );
      setCall(null);
      await look(wallet.address);
      if (shown.account === own.account)
        setOwn(await ask<ApprovalView>(`v1/approvals?participant=${participant}`));
    });

  return (
    <section class="card approval">
      <h2>
        Approval on chain<small>asset {chain.assetId}</small>
      </h2>
      <dl>
        <div>
          <dt>Account</dt>
          <dd>
            <Hash hash={shown.account} name="the account" />
            {shown.participant === participant ? '' : ` not the account of ${participant}`}
          </dd>
        </div>
        <div>
          <dt>Balance</dt>
          <dd class="balance">{money(shown.balanceMicro)}</dd>
        </div>
        <div>
          <dt>May be drawn</dt>
          <dd class="approved">{money(shown.approvalMicro)}</dd>
        </div>
      </dl>
      <p class="note">
        The settlement account <Hash hash={chain.settlementAccount} name="the settlement account" /> may draw
        what this account owes its neighbours, up to the approval and never more. It can be taken back at any
        time.
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void approve();
        }}
      >
        {accounts.length > 0 && (
          <label>
            Account
            <select
              value={address}
              onChange={(event) => {
                const to = event.currentTarget.value;
                setAddress(to);
                setSaid('');
                setCall(null);
                void run(() => look(to));
              }}
            >
              {accounts.map((account) => (
                <option key={`${account.wallet} ${account.address}`} value={account.address}>
                  {account.name || account.address.slice(0, 10)} ({account.wallet})
                </option>
              ))}
            </select>
          </label>
        )}
        <label>
          May draw in all
          <input
            name="amount"
            inputMode="decimal"
            placeholder="50.00"
            value={amount}
            onInput={(event) => setAmount(event.currentTarget.value)}
          />
        </label>
        {accounts.length === 0 ? (
          <button type="button" disabled={busy} onClick={() => void connect()}>
            Connect your wallet
          </button>
        ) : (
          <button type="submit" disabled={busy || amount === ''}>
            Approve with your wallet
          </button>
        )}
        <button
          type="button"
          class="second"
          disabled={busy || amount === ''}
          onClick={() => void run(async () => void (await prepare()))}
        >
          Show the call
        </button>
      </form>
      <p role="status" class="said">
        {said ||
          (accounts.length === 0 && walletNames(window).length === 0
            ? 'No wallet extension is found in this browser.'
            : '')}
      </p>
      {call && (
        <>
          <p class="note">{call.says}.</p>
          <p class="note">
            For any wallet: <Hash hash={call.method} name="the call" /> under Developer, Extrinsics, Decode.
          </p>
        </>
      )}
    </section>
  );
}
