import {
  COMMUNITY_FUND,
  compareIds,
  NANO_PER_MICRO,
  parseAmount,
  type Carry,
  type StatementLine,
} from '@commonwatt/domain';
import { TEXT } from './line-text.ts';
import type { StatementInput } from './statement-input.ts';

/**
 * Debts of earlier batches, charged now: what the debtor pays goes to the claims in the order they are listed (oldest first) until it is
 * used up, the rest back to the fund that had advanced it. Ordered by batch, then debtor.
 */
export function carryLines({ carries }: StatementInput): StatementLine[] {
  return [...carries]
    .sort((a, b) => compareIds(a.batchId, b.batchId) || compareIds(a.debtor, b.debtor))
    .flatMap(linesOf);
}

function linesOf({ debtor, batchId, amountMicro, claims }: Carry): StatementLine[] {
  let restMicro = parseAmount(amountMicro);
  const lines = [money(debtor, 'debt', -restMicro, batchId, TEXT.debt(batchId))];
  for (const claim of claims) {
    const owedMicro = parseAmount(claim.amountMicro);
    const paidMicro = owedMicro < restMicro ? owedMicro : restMicro;
    if (paidMicro === 0n) continue;
    restMicro -= paidMicro;
    lines.push(
      money(claim.participant, 'claim', paidMicro, claim.batchId, TEXT.claim(claim.batchId, debtor)),
    );
  }
  if (restMicro > 0n) {
    lines.push(money(COMMUNITY_FUND, 'claim', restMicro, batchId, TEXT.claimOfFund(batchId, debtor)));
  }
  return lines;
}

/** A line without energy. */
function money(
  participant: string,
  reason: 'debt' | 'claim',
  amountMicro: bigint,
  reference: string,
  text: string,
): StatementLine {
  const amountNano = String(amountMicro * NANO_PER_MICRO);
  return { participant, reason, energyWh: 0, priceMicroPerKwh: 0, amountNano, reference, text };
}
