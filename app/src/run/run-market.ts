import type { Clock, MarketRules, SlotId } from '@commonwatt/domain';
import { openMarket, type Market, type Membership, type TelemetryPort } from '@commonwatt/market-engine';
import type { Settlement } from '@commonwatt/substrate-client';
import type { Closing } from './closing.ts';
import type { CollateralBoard } from './collateral.ts';
import type { Household } from './household.ts';
import type { State } from './state.ts';

/** The market of a run, with its settlement on chain, its collateral and its households' own estimates behind its ports. */
export async function openRunMarket(
  options: {
    readonly state: State;
    readonly rules: MarketRules;
    readonly members: Membership;
    readonly clock: Clock;
    readonly firstSlot: SlotId;
    /** Settled last by this run; null for no end. */
    readonly lastSlot: SlotId | null;
    readonly settlement: Settlement;
    readonly collateral: CollateralBoard;
    readonly telemetry: TelemetryPort;
    /** Filled while the homes start. */
    readonly households: readonly Household[];
    readonly say: (line: string) => void;
  },
  closing: Closing,
): Promise<Market> {
  const { state, members, lastSlot, settlement, households, say } = options;
  const market = await openMarket({
    rules: options.rules,
    ...members,
    journalPath: state.path('market.sqlite'),
    clock: options.clock,
    firstSlot: options.firstSlot,
    settlement: {
      // What comes after the last slot that was asked for stays with the market, for the next run.
      settle: (input, signal) =>
        lastSlot !== null && input.slot > lastSlot ? untilAborted(signal) : settlement.settle(input, signal),
    },
    telemetry: options.telemetry,
    collateral: options.collateral,
    estimate: {
      estimate: (participant, slot) =>
        households.find((household) => household.spec.id === participant)?.estimate(slot) ?? {
          importWh: 0,
          exportWh: 0,
          basis: 'nothing known',
        },
    },
    log: say,
  });
  closing.add('the market', () => market.stop());
  // What the chain took back and carried out again, here and while nobody was looking.
  for (const receipt of settlement.receipts()) market.correctReceipt(receipt);
  closing.add(
    'the receipts',
    settlement.subscribeReceipts((receipt) => {
      if (market.correctReceipt(receipt))
        say(`batch ${receipt.batchId} stands in block ${receipt.blockNumber} now`);
    }),
  );
  return market;
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const give = (): void => reject(signal.reason as Error);
    if (signal.aborted) give();
    else signal.addEventListener('abort', give, { once: true });
  });
}
