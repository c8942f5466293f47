import { reason } from '../deadline.ts';
import type { BatteryControl } from '../device.ts';
import { clampSetpoint, type ClampFacts, type Clamped } from './clamp.ts';
import { checkCommand, newRecord, type Command } from './command.ts';
import { withEffect } from './effect.ts';
import type { DispatchRecord } from './record.ts';
import { Turns } from './turns.ts';

/** What is known now; null while the battery's state or the meter is missing or stale, with the reason in words. */
export type DispatchView =
  | {
      readonly facts: Omit<ClampFacts, 'reservePermille' | 'fuseW' | 'ramp'>;
      /** When the battery's power was looked at; -Infinity for one that does not tell it. */
      readonly batteryAtMs: number;
    }
  | { readonly missing: string };

export interface DispatcherOptions {
  readonly control: BatteryControl;
  readonly nowMs: () => number;
  readonly view: () => DispatchView;
  readonly reservePermille: number;
  readonly fuseW: number;
  /** The fastest change of a setpoint, W a second of the clock's time; none when left out. */
  readonly rampWPerS?: number | undefined;
  /** How long the device may hold a setpoint after the last sign of life of the gateway, in the clock's time. */
  readonly reversionMs: number;
  /** When the power must show, after a write, in the clock's time. */
  readonly settleMs: number;
  /** The longest a setpoint may last. */
  readonly durationMaxMs: number;
  readonly save: (record: DispatchRecord) => void;
  readonly firstId: number;
  readonly log: (line: string) => void;
}

interface Active {
  record: DispatchRecord;
  writtenAtMs: number;
  /** When the written value last changed. */
  changedAtMs: number;
}

/** A new clamp within this of the written value is left alone: meters flicker. */
const REWRITE_W = 100;

/**
 * The fail-safe chain of one battery. Every setpoint expires; the device's own reversion timer is written with it and refreshed at half
 * the interval; clamps are computed again on every tick; on expiry, missing facts, failure, stop and boot the battery is released.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  #active: Active | undefined;
  /** A battery is in an unknown state until it was released once, and again after every failed release. */
  #mustRelease = true;
  readonly #turns = new Turns();
  #ticking: Promise<void> | undefined;
  #nextId: number;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#nextId = options.firstId;
  }

  /** The setpoint in force, and its record so far. */
  get active(): DispatchRecord | undefined {
    return this.#active?.record;
  }

  /** When the setpoint in force expires. */
  get expiresAtMs(): number | undefined {
    return this.#active?.record.expiresAtMs;
  }

  /** Asks for a setpoint. Throws CommonwattError `out-of-range` for a command that is none; refusals and failures are in the record. */
  set(command: Command): Promise<DispatchRecord> {
    checkCommand(command, this.#options.nowMs());
    return this.#turns.take(() => this.#set(command));
  }

  /** Back to self-consumption now. Throws CommonwattError `unavailable` when the device does not do it; it is tried again on every tick. */
  release(): Promise<void> {
    return this.#turns.take(() => this.#release('released'));
  }

  /** Releases the battery for good: what still waits its turn, and whatever comes later, is refused. */
  stop(): Promise<void> {
    return this.#turns.end(() => this.#release('stopped'));
  }

  /** Once per poll: expiry, refresh, clamps, measured effect. Never throws. */
  tick(): Promise<void> {
    // One tick waits at most: a slow battery must not pile them up.
    this.#ticking ??= this.#turns
      .take(() => this.#tick())
      .catch((error: unknown) => {
        if (!this.#turns.ended) this.#options.log(`battery: ${reason(error)}`);
      })
      .finally(() => {
        this.#ticking = undefined;
      });
    return this.#ticking;
  }

  async #set({ powerW, expiresAtMs }: Command): Promise<DispatchRecord> {
    const { nowMs, durationMaxMs } = this.#options;
    const atMs = nowMs();
    const command = { powerW, expiresAtMs: Math.min(expiresAtMs, atMs + durationMaxMs) };
    const blank = newRecord(this.#nextId++, command, atMs);
    const clamped = this.#clamp(powerW);
    if ('missing' in clamped) {
      // Steering on by old facts would be as blind as starting to.
      if (this.#active) await this.#release('stale').catch(() => {});
      return this.#keep({ ...blank, reason: clamped.missing });
    }
    const before = this.#active;
    const record = await this.#write({ ...blank, endedAtMs: null }, clamped);
    if (before) this.#keep({ ...before.record, endedAtMs: atMs, endedBy: 'replaced' });
    return record;
  }

  #clamp(askedW: number): Clamped | { missing: string } {
    const view = this.#options.view();
    if ('missing' in view) return view;
    const { reservePermille, fuseW } = this.#options;
    const ramp = this.#ramp(view.facts.batteryW);
    return clampSetpoint(askedW, { ...view.facts, reservePermille, fuseW, ...(ramp ? { ramp } : {}) });
  }

  /** The room for change grows with the time since the last write; a first setpoint gets a second's worth from where the battery is. */
  #ramp(batteryW: number): ClampFacts['ramp'] {
    const { rampWPerS, nowMs } = this.#options;
    if (rampWPerS === undefined) return undefined;
    const active = this.#active;
    const seconds = active ? (nowMs() - active.writtenAtMs) / 1000 : 1;
    return { fromW: active?.record.clampedW ?? batteryW, stepW: rampWPerS * Math.max(1, seconds) };
  }

  /** Writes and reads back. On failure the battery is released, and the record says so. */
  async #write(record: DispatchRecord, clamped: Clamped): Promise<DispatchRecord> {
    const { control, nowMs, reversionMs } = this.#options;
    const atMs = nowMs();
    const holdMs = Math.max(1000, Math.min(reversionMs, record.expiresAtMs - atMs));
    const next: DispatchRecord = { ...record, clampedW: clamped.powerW, clampedBy: clamped.by };
    // From here on the device may be forced, even if the answer gets lost.
    this.#mustRelease = true;
    let why: string;
    try {
      const result = await control.force(clamped.powerW, holdMs);
      if (result.holds) {
        this.#mustRelease = false;
        const applied: DispatchRecord = {
          ...next,
          outcome: 'applied',
          writtenW: result.writtenW,
          readBackW: result.readBackW,
        };
        const changed = this.#active?.record.id !== record.id || record.writtenW !== result.writtenW;
        const changedAtMs = changed ? atMs : (this.#active?.changedAtMs ?? atMs);
        this.#active = { record: applied, writtenAtMs: atMs, changedAtMs };
        // A refresh writes the same again: nothing new to keep.
        return JSON.stringify(applied) === JSON.stringify(record) ? record : this.#keep(applied);
      }
      why =
        result.readBackW === result.writtenW || result.readBackW === null
          ? 'the device did not stay in the mode that follows the setpoint'
          : `the device holds ${result.readBackW} W instead of ${result.writtenW} W`;
    } catch (error) {
      why = reason(error);
    }
    this.#active = undefined;
    this.#options.log(`battery: setpoint ${clamped.powerW} W failed: ${why}`);
    await this.#release('released').catch(() => {});
    return this.#keep({ ...next, outcome: 'failed', reason: why, endedAtMs: nowMs(), endedBy: 'failed' });
  }

  async #release(endedBy: NonNullable<DispatchRecord['endedBy']>): Promise<void> {
    const { control, nowMs } = this.#options;
    this.#mustRelease = true;
    const active = this.#active;
    this.#active = undefined;
    if (active) this.#keep({ ...active.record, endedAtMs: nowMs(), endedBy });
    await control.release();
    this.#mustRelease = false;
  }

  async #tick(): Promise<void> {
    const { nowMs, reversionMs, settleMs, log } = this.#options;
    const active = this.#active;
    if (!active) {
      if (this.#mustRelease) await this.#release('released');
      return;
    }
    const atMs = nowMs();
    if (atMs >= active.record.expiresAtMs) return this.#release('expired');
    const clamped = this.#clamp(active.record.askedW);
    if ('missing' in clamped) {
      log(`battery: released, ${clamped.missing}`);
      return this.#release('stale');
    }
    this.#measure(active, settleMs);
    const from = active.record.clampedW ?? 0;
    const moved =
      clamped.powerW !== from && (clamped.powerW === 0 || Math.abs(clamped.powerW - from) > REWRITE_W);
    const due = atMs - active.writtenAtMs >= reversionMs / 2;
    if (moved || due) {
      const { powerW, by } = moved ? clamped : { powerW: from, by: active.record.clampedBy };
      await this.#write(active.record, { powerW, by });
    }
  }

  #measure(active: Active, settleMs: number): void {
    const { view, log } = this.#options;
    const now = view();
    if ('missing' in now) return;
    const seen = { batteryW: now.facts.batteryW, atMs: now.batteryAtMs };
    const record = withEffect(active.record, seen, active.changedAtMs, settleMs);
    if (record === active.record) return;
    if (record.delivers === false)
      log(`battery: acknowledged ${record.writtenW} W but does ${record.measuredW} W`);
    active.record = this.#keep(record);
  }

  #keep(record: DispatchRecord): DispatchRecord {
    try {
      this.#options.save(record);
    } catch (error) {
      this.#options.log(`battery: the record of setpoint ${record.id} is not on disk: ${reason(error)}`);
    }
    return record;
  }
}
