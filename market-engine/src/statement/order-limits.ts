import type { MarketRules, Order } from '@commonwatt/domain';

/**
 * What a community's rules forbid an order, beyond the rules of every book: too much energy, or a limit at which it could trade where the
 * supplier serves better (a bid above the retail price, an offer below the feed-in price). Nothing when the order may stand.
 */
export function orderLimitProblem(
  order: Pick<Order, 'side' | 'energyWh' | 'priceMicroPerKwh'>,
  rules: Pick<MarketRules, 'orderEnergyWhMax' | 'retailMicroPerKwh' | 'feedInMicroPerKwh'>,
): { field: 'energyWh' | 'priceMicroPerKwh'; rule: string } | undefined {
  const { orderEnergyWhMax, retailMicroPerKwh, feedInMicroPerKwh } = rules;
  if (order.energyWh > orderEnergyWhMax) {
    return { field: 'energyWh', rule: `is at most ${orderEnergyWhMax} Wh in this community` };
  }
  if (order.side === 'bid' && order.priceMicroPerKwh > retailMicroPerKwh) {
    return { field: 'priceMicroPerKwh', rule: `of a bid is at most the retail price, ${retailMicroPerKwh}` };
  }
  if (order.side === 'offer' && order.priceMicroPerKwh < feedInMicroPerKwh) {
    return {
      field: 'priceMicroPerKwh',
      rule: `of an offer is at least the feed-in price, ${feedInMicroPerKwh}`,
    };
  }
  return undefined;
}
