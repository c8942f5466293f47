import { createMarketClient } from '@commonwatt/market-engine';
import type { Deliver } from '@commonwatt/meter-gateway';
import { deliverReading } from '../run/market-access.ts';

/** The way of a real gateway to its market: a line for every reading, with what the market says when it refuses one. */
export function deliveryTo(market: string, print: (line: string) => void): Deliver {
  const client = createMarketClient({ baseUrl: market });
  return async (reading, signal) => {
    const { gateway, sequence, slot, importWh, exportWh, flags } = reading.payload;
    const answer = await deliverReading(client, reading, signal, ({ code, message, place }) => {
      const remedy = place.remedy === undefined ? '' : `; ${place.remedy}`;
      print(`reading ${sequence} of ${gateway} for ${slot} is refused, ${code}: ${message}${remedy}`);
    });
    if (answer === 'rejected') return answer;
    const marked = flags.length === 0 ? '' : ` (${flags.join(', ')})`;
    print(`${slot}: drew ${importWh} Wh, fed in ${exportWh} Wh${marked}, with the market`);
    return answer;
  };
}
