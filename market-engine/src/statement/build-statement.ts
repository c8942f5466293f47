import {
  COMMUNITY_FUND,
  compareIds,
  parseAmount,
  SUPPLIER,
  type EnergyPosition,
  type Statement,
  type StatementLine,
} from '@commonwatt/domain';
import { carryLines } from './carry-lines.ts';
import { checkStatementInput } from './check-input.ts';
import { line } from './line.ts';
import { TEXT } from './line-text.ts';
import type { StatementInput } from './statement-input.ts';
import { trueUpLines } from './true-up-lines.ts';

/**
 * The statement of a slot: who owes what, with the reason of every line, as `docs/market-rules.md` says (section "The statement", which
 * also fixes the order of the lines). Cash sums to zero in whole nano-units; traded + imbalance = metered for everyone, in whole Wh.
 * Throws CommonwattError when the input contradicts itself or a traded price lies outside [feed-in, retail].
 */
export function buildStatement(input: StatementInput): Statement {
  checkStatementInput(input);
  const positions = positionsOf(input);
  const lines = [
    ...tradeLines(input),
    ...imbalanceLines(input, positions),
    ...feeLines(input, 'network-fee', input.rules.networkFeeMicroPerKwh),
    ...feeLines(input, 'levy', input.rules.levyMicroPerKwh),
    ...trueUpLines(input),
    ...carryLines(input),
  ];
  return { slot: input.slot, positions, lines };
}

/** Net of every participant that has a line, in nano-units; positive is received. */
export function statementTotals(statement: Pick<Statement, 'lines'>): Map<string, bigint> {
  const totals = new Map<string, bigint>();
  for (const { participant, amountNano } of statement.lines) {
    totals.set(participant, (totals.get(participant) ?? 0n) + parseAmount(amountNano));
  }
  return totals;
}

/** Ascending id. Signed Wh: metered = export - import, traded = sold - bought, imbalance = metered - traded. */
function positionsOf({ clearing, metered }: StatementInput): EnergyPosition[] {
  const tradedWh = new Map<string, number>();
  for (const { buyer, seller, energyWh } of clearing.trades) {
    tradedWh.set(buyer, (tradedWh.get(buyer) ?? 0) - energyWh);
    tradedWh.set(seller, (tradedWh.get(seller) ?? 0) + energyWh);
  }
  return metered
    .map(({ participant, importWh, exportWh, source }) => {
      const meteredWh = exportWh - importWh;
      const traded = tradedWh.get(participant) ?? 0;
      return { participant, meteredWh, tradedWh: traded, imbalanceWh: meteredWh - traded, source };
    })
    .sort((a, b) => compareIds(a.participant, b.participant));
}

/** Two lines a trade, in the clearing's order; then what buyers paid more than sellers got, one line for each difference. */
function tradeLines({ clearing }: StatementInput): StatementLine[] {
  const lines: StatementLine[] = [];
  const gapsWh = new Map<number, number>();
  for (const trade of clearing.trades) {
    const { buyer, seller, energyWh, priceMicroPerKwh } = trade;
    const sellerPrice = trade.sellerPriceMicroPerKwh ?? priceMicroPerKwh;
    const reference = `${trade.bidId}/${trade.offerId}`;
    lines.push(
      line(
        buyer,
        'bought',
        -energyWh,
        priceMicroPerKwh,
        TEXT.bought(energyWh, priceMicroPerKwh, seller),
        reference,
      ),
      line(seller, 'sold', energyWh, sellerPrice, TEXT.sold(energyWh, sellerPrice, buyer), reference),
    );
    const gap = priceMicroPerKwh - sellerPrice;
    if (gap > 0) gapsWh.set(gap, (gapsWh.get(gap) ?? 0) + energyWh);
  }
  for (const [gap, energyWh] of [...gapsWh].sort(([a], [b]) => a - b)) {
    lines.push(line(COMMUNITY_FUND, 'price-gap', energyWh, gap, TEXT.priceGap(energyWh, gap)));
  }
  return lines;
}

/** Everyone's imbalance against the supplier; what balances inside the neighbourhood earns the fund the spread. */
function imbalanceLines({ rules }: StatementInput, positions: readonly EnergyPosition[]): StatementLine[] {
  const { retailMicroPerKwh: retail, feedInMicroPerKwh: feedIn } = rules;
  const lines: StatementLine[] = [];
  let longWh = 0;
  let shortWh = 0;
  for (const { participant, imbalanceWh, source } of positions) {
    const estimated = source === 'estimate';
    if (imbalanceWh > 0) {
      longWh += imbalanceWh;
      lines.push(
        line(participant, 'surplus', imbalanceWh, feedIn, TEXT.surplus(imbalanceWh, feedIn, estimated)),
      );
    } else if (imbalanceWh < 0) {
      shortWh -= imbalanceWh;
      lines.push(line(participant, 'short', imbalanceWh, retail, TEXT.short(imbalanceWh, retail, estimated)));
    }
  }
  const netWh = shortWh - longWh;
  if (netWh > 0) lines.push(line(SUPPLIER, 'supplier-sold', netWh, retail, TEXT.supplierSold(netWh, retail)));
  if (netWh < 0)
    lines.push(line(SUPPLIER, 'supplier-bought', netWh, feedIn, TEXT.supplierBought(netWh, feedIn)));
  const insideWh = Math.min(longWh, shortWh);
  const spread = retail - feedIn;
  if (insideWh > 0)
    lines.push(line(COMMUNITY_FUND, 'fund-share', insideWh, spread, TEXT.fundShare(insideWh, spread)));
  return lines;
}

/** A fee on every metered Wh drawn, to the fund. */
function feeLines(
  { metered }: StatementInput,
  reason: 'network-fee' | 'levy',
  feeMicroPerKwh: number,
): StatementLine[] {
  if (feeMicroPerKwh === 0) return [];
  const text = reason === 'levy' ? TEXT.levy : TEXT.networkFee;
  const drawing = metered
    .filter(({ importWh }) => importWh > 0)
    .sort((a, b) => compareIds(a.participant, b.participant));
  if (drawing.length === 0) return [];
  const drawnWh = drawing.reduce((total, { importWh }) => total + importWh, 0);
  return [
    ...drawing.map(({ participant, importWh }) =>
      line(participant, reason, -importWh, feeMicroPerKwh, text(importWh, feeMicroPerKwh)),
    ),
    line(COMMUNITY_FUND, reason, drawnWh, feeMicroPerKwh, text(drawnWh, feeMicroPerKwh)),
  ];
}
