import {
  CommonwattError,
  type MeterReading,
  type OrderPayload,
  type Signed,
  type Signer,
} from '@commonwatt/domain';
import type { MarketClient } from '@commonwatt/market-engine';

/**
 * Delivered is delivered: a duplicate is as good as accepted; a refusal is final, and `refused` hears why; anything else is tried again
 * by the gateway.
 */
export async function deliverReading(
  market: MarketClient,
  reading: Signed<MeterReading>,
  signal: AbortSignal,
  refused: (why: CommonwattError) => void = () => {},
): Promise<'accepted' | 'duplicate' | 'rejected'> {
  try {
    await market.submitReading(reading, signal);
    return 'accepted';
  } catch (error) {
    if (!(error instanceof CommonwattError)) throw error;
    if (error.code === 'duplicate') return 'duplicate';
    if (error.code === 'unavailable' || error.code === 'rate-limited' || error.code === 'internal')
      throw error;
    refused(error);
    return 'rejected';
  }
}

/** Places an order; one that is already there is as good as placed. */
export async function submitOnce(market: MarketClient, signer: Signer, order: OrderPayload): Promise<void> {
  try {
    await market.submitOrder(signer.sign(order));
  } catch (error) {
    // After a restart the agent may decide on a slot again; the order it placed before stands.
    if (!(error instanceof CommonwattError && error.code === 'duplicate')) throw error;
  }
}
