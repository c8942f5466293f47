import type { FakeChain } from './fake-chain.ts';
import type { Member } from './sample.ts';

/** Something happens to an account: its money or approval is gone, it is frozen, closed, or cannot be opened; and comes back. */
export function disturbAccount(
  chain: FakeChain,
  people: readonly Member[],
  random: (below: number) => number,
): void {
  const { publicKey } = people[random(people.length)]!.signer;
  const has = chain.accounts().get(publicKey)!;
  const balanceMicro = BigInt(4000 + random(20_000));
  switch (random(8)) {
    case 0:
      return chain.setAccount(publicKey, { balanceMicro: chain.minBalanceMicro });
    case 1:
      return chain.setAccount(publicKey, { approvalMicro: null });
    case 2:
      return chain.setAccount(publicKey, { frozen: !has.frozen });
    case 3:
      return chain.setAccount(publicKey, { balanceMicro: null, canOpen: random(2) === 0 });
    case 4:
      return chain.setAccount(publicKey, { balanceMicro, approvalMicro: balanceMicro, canOpen: true });
    case 5:
      return void chain.secretRefusals.set(publicKey, 'Token.Blocked');
    case 6:
      return chain.secretRefusals.clear();
    default:
      return chain.freezeAsset(random(3) === 0);
  }
}

/** All can pay and be paid again. */
export function healAccounts(chain: FakeChain, people: readonly Member[]): void {
  chain.freezeAsset(false);
  chain.secretRefusals.clear();
  for (const { signer } of people) chain.setAccount(signer.publicKey, { canOpen: true, frozen: false });
}
