import type { SlotView } from '@commonwatt/domain';

const kWh = (energyWh: number): string => `${(energyWh / 1000).toFixed(2)} kWh`;

/** The line a settled slot gets on the console. */
export function slotLine(slot: SlotView, block: number, settled: number, target: number | null): string {
  const { priceMicroPerKwh, tradedWh, importWh, exportWh } = slot;
  const trade =
    priceMicroPerKwh === null
      ? 'no trade'
      : `${kWh(tradedWh)} at ${(priceMicroPerKwh / 10_000).toFixed(2)} ct`;
  const grid = importWh > 0 ? `${kWh(importWh)} from the grid` : `${kWh(exportWh)} to the grid`;
  const count = target === null ? `${settled}` : `${settled} of ${target}`;
  return `${slot.slot.slice(0, 16)}Z  ${trade.padEnd(22)} ${grid.padEnd(23)} settled in block ${block} (${count})`;
}
