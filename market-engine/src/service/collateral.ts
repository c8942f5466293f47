import { CommonwattError, costNano, type OrderPayload } from '@commonwatt/domain';
import type { Memory } from './memory.ts';
import type { CollateralPort } from './ports.ts';
import type { SlotShell } from './slot-shell.ts';

/** Throws `no-collateral` while the participant has an unpaid debt. */
export function checkDebt(participant: string, memory: Memory): void {
  const owedMicro = memory.state.debts.owedBy(participant);
  if (owedMicro === null) return;
  throw new CommonwattError(
    'no-collateral',
    owedMicro === 0n
      ? `${participant} has a debt that is charged but not yet paid on chain`
      : `${participant} owes ${owedMicro} micro-units from a batch that it could not pay`,
    {
      record: participant,
      rule: 'the orders of a debtor are refused until the debt is paid',
      remedy: 'fund the account and approve the settlement account; the next batch charges the debt',
    },
  );
}

/** Throws `no-collateral` when the worst cost of the participant's bids in all slots that are not settled is not covered on chain. */
export function checkCollateral(
  payload: OrderPayload,
  port: CollateralPort | undefined,
  memory: Memory,
  shell: SlotShell,
): void {
  const availableMicro = port?.availableMicro(payload.participant) ?? null;
  if (availableMicro === null || payload.side === 'offer') return;
  let worstNano = costNano(payload.energyWh, payload.priceMicroPerKwh);
  for (const slot of shell.liveSlots()) {
    for (const { payload: held } of memory.detail(slot).orders.liveOf(payload.participant)) {
      if (held.side === 'bid' && !(held.slot === payload.slot && held.id === payload.id)) {
        worstNano += costNano(held.energyWh, held.priceMicroPerKwh);
      }
    }
  }
  const worstMicro = (worstNano + 999n) / 1000n;
  if (worstMicro <= availableMicro) return;
  throw new CommonwattError(
    'no-collateral',
    `${payload.participant}'s bids could cost ${worstMicro} micro-units; balance and approval cover ${availableMicro}`,
    {
      record: payload.id,
      rule: 'the worst cost of all bids that are not settled is covered on chain',
      remedy: 'bid for less, fund the account or raise the approval',
    },
  );
}
