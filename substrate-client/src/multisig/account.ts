import { createKeyMulti } from '@polkadot/util-crypto';
import { hexToU8a, u8aToHex } from '@polkadot/util';
import { CommonwattError } from '@commonwatt/domain';

/** k of n nodes that pay together. Keys are raw public keys, 64 hex digits. */
export interface MultisigTerms {
  /** In the order the community has agreed on: the first `threshold` approve first, the others stand by. */
  readonly signatories: readonly string[];
  readonly threshold: number;
}

const KEY_PATTERN = /^[0-9a-f]{64}$/;

/**
 * The account of a multisig: blake2-256 over `modlpy/utilisuba`, the compact count, the sorted keys and the threshold, as
 * `pallet_multisig` derives it. Throws `out-of-range` for terms that are no multisig.
 */
export function multisigKey(terms: MultisigTerms): string {
  const { signatories, threshold } = terms;
  const bad = signatories.find((key) => !KEY_PATTERN.test(key));
  if (bad !== undefined)
    throw new CommonwattError('malformed', `${JSON.stringify(bad)} is no key of 64 hex digits`, {
      field: 'signatories',
    });
  if (new Set(signatories).size !== signatories.length)
    throw new CommonwattError('out-of-range', 'a signatory is named twice', { field: 'signatories' });
  if (!Number.isInteger(threshold) || threshold < 2 || threshold > signatories.length) {
    throw new CommonwattError(
      'out-of-range',
      `${threshold} of ${signatories.length}: a multisig needs two approvals or more, and no more than it has signatories`,
      { field: 'threshold' },
    );
  }
  const account = createKeyMulti(
    signatories.map((key) => hexToU8a(`0x${key}`)),
    threshold,
  );
  return u8aToHex(account).slice(2);
}

/** The other signatories in the order the chain wants them: by their bytes. */
export function othersOf(terms: MultisigTerms, ownKey: string): string[] {
  return terms.signatories.filter((key) => key !== ownKey).sort();
}
