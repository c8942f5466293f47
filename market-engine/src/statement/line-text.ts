import { formatMicro } from '@commonwatt/domain';

/** The sentences of a statement. They are part of the published records, so `docs/market-rules.md` fixes every one of them. */

/** `1.250 kWh`, always three decimals; the sign is dropped. */
export function kilowattHours(energyWh: number): string {
  const digits = String(Math.abs(energyWh)).padStart(4, '0');
  return `${digits.slice(0, -3)}.${digits.slice(-3)} kWh`;
}

/** `0.25 per kWh`: at least two decimals, at most six. */
export function perKwh(priceMicroPerKwh: number): string {
  return `${formatMicro(BigInt(priceMicroPerKwh)).replace(/0{1,4}$/, '')} per kWh`;
}

export const TEXT = {
  bought: (energyWh: number, price: number, seller: string) =>
    `Bought ${kilowattHours(energyWh)} from ${seller} at ${perKwh(price)}`,
  sold: (energyWh: number, price: number, buyer: string) =>
    `Sold ${kilowattHours(energyWh)} to ${buyer} at ${perKwh(price)}`,
  priceGap: (energyWh: number, gap: number) =>
    `Buyers paid ${perKwh(gap)} more than sellers got, on ${kilowattHours(energyWh)}`,
  short: (energyWh: number, retail: number, estimated: boolean) =>
    `${kilowattHours(energyWh)} short of the position, bought at the retail price of ${perKwh(retail)}${mark(estimated)}`,
  surplus: (energyWh: number, feedIn: number, estimated: boolean) =>
    `${kilowattHours(energyWh)} beyond the position, sold at the feed-in price of ${perKwh(feedIn)}${mark(estimated)}`,
  supplierSold: (energyWh: number, retail: number) =>
    `Delivered ${kilowattHours(energyWh)} that the neighbourhood was short of, at the retail price of ${perKwh(retail)}`,
  supplierBought: (energyWh: number, feedIn: number) =>
    `Took ${kilowattHours(energyWh)} that the neighbourhood had left over, at the feed-in price of ${perKwh(feedIn)}`,
  fundShare: (energyWh: number, spread: number) =>
    `${kilowattHours(energyWh)} of imbalance never left the neighbourhood: retail minus feed-in price, ${perKwh(spread)}`,
  networkFee: (importWh: number, fee: number) =>
    `Network fee on ${kilowattHours(importWh)} drawn, ${perKwh(fee)}`,
  levy: (importWh: number, levy: number) => `Levy on ${kilowattHours(importWh)} drawn, ${perKwh(levy)}`,
  trueUp: (slot: string, energyWh: number, price: number) =>
    `Late reading of ${slot}: ${kilowattHours(energyWh)} ${energyWh > 0 ? 'more delivered' : 'more drawn'} than estimated, at ${perKwh(price)}`,
  trueUpSupplier: (slot: string, energyWh: number, price: number, participant: string) =>
    `Late reading of ${participant} for ${slot}: ${kilowattHours(energyWh)} ${energyWh > 0 ? 'more supplied' : 'more taken'}, at ${perKwh(price)}`,
  trueUpFees: (slot: string, importWh: number, fees: number) =>
    `Late reading of ${slot}: fees on ${kilowattHours(importWh)} ${importWh < 0 ? 'more' : 'less'} drawn, ${perKwh(fees)}`,
  trueUpFeesFund: (slot: string, importWh: number, fees: number, participant: string) =>
    `Late reading of ${participant} for ${slot}: fees on ${kilowattHours(importWh)} ${importWh > 0 ? 'more' : 'less'} drawn, ${perKwh(fees)}`,
  debt: (batchId: string) => `Not paid in batch ${batchId}, charged now`,
  claim: (batchId: string, debtor: string) => `Owed since batch ${batchId}, paid now by ${debtor}`,
  claimOfFund: (batchId: string, debtor: string) =>
    `Advanced by the fund in batch ${batchId}, paid back now by ${debtor}`,
} as const;

function mark(estimated: boolean): string {
  return estimated ? ' (metered by estimate)' : '';
}
