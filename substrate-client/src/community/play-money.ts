import { CommonwattError, sha256Hex, signerFromSeed } from '@commonwatt/domain';
import type { Chain } from '../chain/connect.ts';
import { bootstrapCommunity } from './bootstrap.ts';

/** Issues the money of development chains. Anyone may know this key: the money is worth nothing. */
const ISSUER = signerFromSeed(Buffer.from(sha256Hex('commonwatt: issuer of play money'), 'hex'));

/**
 * Gives accounts of a development chain native funds and, once, an amount of an asset, which is made when it is not there.
 * Throws `forbidden` on any other chain, `conflict` when somebody else issues that asset.
 */
export async function givePlayMoney(
  chain: Chain,
  accountKeys: readonly string[],
  asset: { readonly assetId: number; readonly amountMicro: bigint },
  onProgress?: (text: string) => void,
): Promise<void> {
  if (!chain.isDevelopment) {
    throw new CommonwattError('forbidden', `${chain.endpoint} is no development chain: money there is real`, {
      remedy: 'send funds to the account with a wallet',
    });
  }
  await bootstrapCommunity({
    chain,
    community: 'play-money',
    treasury: ISSUER,
    participants: accountKeys.map((accountKey) => ({
      participant: { id: accountKey, accountKey, role: 'household' },
      signer: ISSUER,
    })),
    assetId: asset.assetId,
    balanceMicro: asset.amountMicro,
    approvalMicro: 0n,
    dev: true,
    ...(onProgress === undefined ? {} : { onProgress }),
  });
}
