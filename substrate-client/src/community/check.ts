import { CommonwattError } from '@commonwatt/domain';
import type { Chain } from '../chain/connect.ts';

/** Micro-units are the chain's smallest: an asset of another scale would pay wrong amounts. */
export const DECIMALS = 6;

const CALLS = {
  system: ['remark'],
  utility: ['batchAll'],
  assets: ['transferApproved', 'transfer', 'approveTransfer'],
} as const;

/** The first `pallet.call` that settlement makes and a chain lacks; null when all are there. */
export function missingCall(chain: Chain): string | null {
  for (const [pallet, calls] of Object.entries(CALLS)) {
    const missing = calls.find((call) => !chain.api.tx[pallet]?.[call]);
    if (missing !== undefined) return `${pallet}.${missing}`;
  }
  return null;
}

/** Throws `conflict` with the pallet or call that a chain lacks. */
export function checkPallets(chain: Chain): void {
  const missing = missingCall(chain);
  if (missing === null) return;
  throw new CommonwattError('conflict', `the chain at ${chain.endpoint} has no ${missing}`, {
    remedy: 'use a chain with the pallets assets and utility, such as an Asset Hub',
  });
}
