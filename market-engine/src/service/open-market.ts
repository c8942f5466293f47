import { slotStartMs } from '@commonwatt/domain';
import type { JournalHooks } from '../journal/journal.ts';
import { MarketService } from './market.ts';
import { checkRules } from './opening.ts';
import type { Market, MarketOptions } from './ports.ts';

/**
 * Opens the market on its journal: a fresh one begins with `firstSlot`, a known one goes on where it was left, however it was left.
 * Throws CommonwattError when the journal is another community's, or the registry or the rules contradict themselves.
 */
export function openMarket(options: MarketOptions): Promise<Market> {
  return openMarketWith(options, {});
}

/** As `openMarket`, with hooks around every commit, for the crash tests. */
export async function openMarketWith(options: MarketOptions, hooks: JournalHooks): Promise<MarketService> {
  checkRules(options.rules);
  slotStartMs(options.firstSlot);
  const market = new MarketService(options, hooks);
  market.start();
  return market;
}
