/** How a household's account stands, and what the server says of an approval. Amounts in micro-units of the asset, decimal strings. */
export interface ApprovalView {
  readonly account: string;
  readonly participant: string | null;
  readonly balanceMicro: string;
  readonly approvalMicro: string;
  readonly atBlock: number;
}
export interface PreparedApproval {
  readonly id: string;
  readonly payload: unknown;
  readonly method: string;
  readonly says: string;
  readonly untilBlock: number;
}
export interface ApprovalProgress {
  readonly id: string;
  readonly status: 'prepared' | 'submitted' | 'final' | 'failed';
  readonly extrinsicHash: string | null;
  readonly blockNumber: number | null;
  readonly error: string | null;
}
export interface ChainView {
  readonly assetId: number;
  readonly assetSymbol: string;
  readonly settlementAccount: string;
}

const DECIMALS = 6;

/** Exact, with at least two decimals: `50250001`, `ccEUR` -> `50.250001 ccEUR`. */
export function formatExact(amountMicro: string, symbol: string): string {
  if (!/^\d{1,40}$/.test(amountMicro)) return '–';
  const digits = amountMicro.padStart(DECIMALS + 1, '0');
  const whole = digits.slice(0, -DECIMALS).replace(/\B(?=(\d{3})+$)/g, ',');
  const fraction = digits.slice(-DECIMALS).replace(/0{1,4}$/, '');
  return `${whole}.${fraction}\u202f${symbol}`;
}

/** A JSON answer; what the server's problem document says is the error. */
export async function ask<T>(path: string, body?: unknown): Promise<T> {
  const response = await fetch(
    path,
    body === undefined
      ? {}
      : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
  );
  const answer = (await response.json()) as T & { detail?: string; remedy?: string };
  if (response.ok) return answer;
  throw new Error(
    [answer.detail ?? `the server answers ${response.status}`, answer.remedy].filter(Boolean).join('; '),
  );
}
