import { slotEndMs, slotHolding, type Clock, type Reading, type SlotId } from '@commonwatt/domain';
import { dispatchBattery, type AgentHome, type HomePlan, type ImportLimit } from '@commonwatt/home-agent';
import type { Gateway } from '@commonwatt/meter-gateway';

const SETPOINT_LIFE_MS = 15 * 60_000;
/** A setpoint is written again when it differs by more than this, or half its life has passed. */
const SETPOINT_STEP_W = 40;

export interface SteeringOptions {
  readonly home: AgentHome;
  readonly gateway: Gateway;
  readonly clock: Clock;
  /** Time until the next reading, by the clock. */
  readonly holdMs: number;
  readonly plan: () => HomePlan;
  readonly limits: () => readonly ImportLimit[];
  readonly positionWh: (slot: SlotId) => number | null;
  readonly log: (line: string) => void;
}

export interface Steering {
  /** Power the battery was last asked for, W; null without a battery. */
  setpointW(): number | null;
  /** What it would do now without demand signals, W; null before the first decision. */
  baselineW(): number | null;
  stop(): void;
}

/** With every reading: what the battery should do now, written when it has changed or its time runs out. */
export function startSteering(options: SteeringOptions): Steering {
  const { home, gateway, clock } = options;
  let baselineW: number | null = null;
  let setpoint: { powerW: number; expiresAtMs: number } | null = null;
  let slotBase: { slot: SlotId; importWh: number; exportWh: number } | null = null;
  let busy = false;

  /** Net export since the slot began, Wh, from the counters as polled. */
  function deliveredWh(slot: SlotId, { importWh, exportWh }: Reading): number {
    if (importWh === undefined || exportWh === undefined) return 0;
    if (slotBase?.slot !== slot) slotBase = { slot, importWh, exportWh };
    return exportWh - slotBase.exportWh - (importWh - slotBase.importWh);
  }

  async function steer(reading: Reading): Promise<void> {
    const { gridW, batteryW, stateOfChargePermille, pvW = 0 } = reading;
    if (gridW === undefined || batteryW === undefined || stateOfChargePermille === undefined) return;
    const nowMs = clock.nowMs();
    const slot = slotHolding(nowMs, home.slotMinutes);
    const answer = dispatchBattery({
      home,
      nowMs,
      slot,
      slotEndMs: slotEndMs(slot, home.slotMinutes),
      positionWh: options.positionWh(slot) ?? 0,
      deliveredSoFarWh: deliveredWh(slot, reading),
      reading: { gridW, pvW, batteryW, stateOfChargePermille },
      plan: options.plan(),
      limits: options.limits(),
      holdMs: options.holdMs,
    });
    baselineW = answer.baselineW;
    if (setpoint !== null) {
      const fresh = setpoint.expiresAtMs - nowMs > SETPOINT_LIFE_MS / 2;
      if (fresh && Math.abs(setpoint.powerW - answer.powerW) < SETPOINT_STEP_W) return;
    }
    setpoint = { powerW: answer.powerW, expiresAtMs: nowMs + SETPOINT_LIFE_MS };
    await gateway.setBattery(setpoint);
  }

  if (home.battery === null) return { setpointW: () => null, baselineW: () => null, stop: () => {} };
  const unsubscribe = gateway.subscribe((reading) => {
    if (busy) return;
    busy = true;
    steer(reading)
      .catch((error: Error) => {
        setpoint = null;
        options.log(`${home.participant}: the battery was not steered: ${error.message}`);
      })
      .finally(() => {
        busy = false;
      });
  });
  return { setpointW: () => setpoint?.powerW ?? null, baselineW: () => baselineW, stop: unsubscribe };
}
