import { CommonwattError } from '@commonwatt/domain';

/** Smallest units as a person reads them: 1234567 with 6 decimals is `1.234567`. All decimals are shown; nothing is rounded. */
export function formatUnits(amount: bigint, decimals: number): string {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(decimals + 1, '0');
  const cut = digits.length - decimals;
  return `${amount < 0n ? '-' : ''}${digits.slice(0, cut)}${decimals === 0 ? '' : `.${digits.slice(cut)}`}`;
}

/** What a person types, as smallest units, exactly. Throws `malformed` on anything but digits with at most so many decimals. */
export function parseUnits(text: string, decimals: number, field?: string): bigint {
  const match = /^(\d{1,24})(?:\.(\d*))?$/.exec(text.trim());
  const fraction = (match?.[2] ?? '').replace(/0+$/, '');
  if (!match || fraction.length > decimals) {
    throw new CommonwattError('malformed', `${JSON.stringify(text.slice(0, 60))} is no amount`, {
      ...(field === undefined ? {} : { field }),
      rule: `an amount is a number like 12.5, with at most ${decimals} decimals`,
    });
  }
  return BigInt(`${match[1]}${fraction.padEnd(decimals, '0')}`);
}
