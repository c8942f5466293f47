import type { Clock } from '@commonwatt/domain';
import type { Gateway } from '@commonwatt/meter-gateway';
import type { Household } from './household.ts';
import type { SignalBoard } from './signals.ts';
import type { Telemetry } from './telemetry.ts';

const WATCH_MS = 60_000;

/** Every minute of the neighbourhood's time: what the feeder would draw without signals, and the telemetry of the homes. */
export async function watchFeeder(options: {
  clock: Clock;
  households: readonly Household[];
  /** At the transformer, if a meter stands there. */
  feeder: Gateway | null;
  signals: SignalBoard;
  telemetry: Telemetry;
  /** While a limit is in force it is shared anew, by what the homes draw now. */
  share: () => void;
  over: AbortSignal;
}): Promise<void> {
  const { clock, households, signals, telemetry, share, over } = options;
  let fromMs = clock.nowMs();
  while (!over.aborted) {
    try {
      await clock.waitUntil(fromMs + WATCH_MS, over);
    } catch {
      return;
    }
    const nowMs = clock.nowMs();
    let withoutW = 0;
    for (const household of households) withoutW += household.gridWithoutSignalsW() ?? 0;
    signals.watch(fromMs, nowMs, withoutW);
    if (signals.limitW(nowMs) !== null) share();
    telemetry.homes(nowMs, households, signals.limitW(nowMs), options.feeder);
    fromMs = nowMs;
  }
}
