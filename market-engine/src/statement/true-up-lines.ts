import {
  COMMUNITY_FUND,
  compareIds,
  SUPPLIER,
  type MarketRules,
  type StatementLine,
  type TrueUp,
} from '@commonwatt/domain';
import { line } from './line.ts';
import { TEXT } from './line-text.ts';
import type { StatementInput } from './statement-input.ts';

/**
 * Corrections of earlier slots that were settled on an estimate. The participant ends where the reading would have put it: its imbalance of
 * that slot changes from (estimate - traded) to (reading - traded), every Wh of the change below zero at the retail price and above zero
 * at the feed-in price, and its fees follow the Wh drawn. The supplier stands on the other side of the energy, the fund on that of the
 * fees; nobody else's earlier lines change. Ordered by slot, then participant.
 */
export function trueUpLines({ rules, trueUps }: StatementInput): StatementLine[] {
  return [...trueUps]
    .sort(
      (a, b) =>
        compareIds(a.estimate.slot, b.estimate.slot) ||
        compareIds(a.estimate.participant, b.estimate.participant),
    )
    .flatMap((trueUp) => linesOf(trueUp, rules));
}

function linesOf({ estimate, reading, tradedWh = 0 }: TrueUp, rules: MarketRules): StatementLine[] {
  const { participant, slot } = estimate;
  const late = reading.payload;
  const before = estimate.exportWh - estimate.importWh - tradedWh;
  const after = late.exportWh - late.importWh - tradedWh;
  const lines: StatementLine[] = [];
  const correct = (energyWh: number, price: number): void => {
    if (energyWh === 0) return;
    lines.push(
      line(participant, 'true-up', energyWh, price, TEXT.trueUp(slot, energyWh, price), slot),
      line(
        SUPPLIER,
        'true-up',
        -energyWh,
        price,
        TEXT.trueUpSupplier(slot, -energyWh, price, participant),
        slot,
      ),
    );
  };
  correct(Math.min(after, 0) - Math.min(before, 0), rules.retailMicroPerKwh);
  correct(Math.max(after, 0) - Math.max(before, 0), rules.feedInMicroPerKwh);

  const fees = rules.networkFeeMicroPerKwh + rules.levyMicroPerKwh;
  const drawnWh = late.importWh - estimate.importWh;
  if (fees > 0 && drawnWh !== 0) {
    lines.push(
      line(participant, 'true-up', -drawnWh, fees, TEXT.trueUpFees(slot, -drawnWh, fees), slot),
      line(
        COMMUNITY_FUND,
        'true-up',
        drawnWh,
        fees,
        TEXT.trueUpFeesFund(slot, drawnWh, fees, participant),
        slot,
      ),
    );
  }
  return lines;
}
