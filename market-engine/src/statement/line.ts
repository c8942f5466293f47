import { costNano, type LineReason, type StatementLine } from '@commonwatt/domain';

/** A line whose amount is its energy times its price: positive is received. */
export function line(
  participant: string,
  reason: LineReason,
  energyWh: number,
  priceMicroPerKwh: number,
  text: string,
  reference?: string,
): StatementLine {
  return {
    participant,
    reason,
    energyWh,
    priceMicroPerKwh,
    amountNano: String(costNano(energyWh, priceMicroPerKwh)),
    ...(reference === undefined ? {} : { reference }),
    text,
  };
}
