import type { DeviceRole } from './config.ts';
import {
  NO_COUNTERS,
  takeSample,
  thinPoints,
  type CounterEvent,
  type CounterLimits,
  type CounterSample,
  type CounterState,
} from './counter/tracker.ts';
import { reason } from './deadline.ts';
import type { Device } from './device.ts';
import type { DeviceSample, Quantity } from './quantity.ts';
import type { DeviceMemory } from './slots/memory.ts';
import { observe, standsStill, type Standing } from './standing.ts';
import { CommonwattError, type QualityFlag } from '@commonwatt/domain';

/** The counters a device in each role must have. */
const COUNTERS: Record<DeviceRole, readonly Quantity[]> = {
  'grid-meter': ['importWh', 'exportWh'],
  pv: ['exportWh'],
  battery: ['importWh', 'exportWh'],
};

/** What setpoints are judged by. A device that told it once and leaves it out now is not looked at, however well it answers otherwise. */
const JUDGED_BY: Record<DeviceRole, Quantity | undefined> = {
  'grid-meter': 'powerW',
  pv: undefined,
  battery: 'stateOfChargePermille',
};

/** Values and times of a device that stood still for this long are no look at it any more. */
const STILL_MS = 5 * 60_000;

/** The device's own clock against the gateway's. */
export interface ClockSkew {
  /** Device time less gateway time. */
  readonly skewMs: number;
  readonly atMs: number;
}

/** A device's clock drifts slowly: it is looked at this often, so that it costs next to nothing. */
const CLOCK_EVERY_MS = 300_000;

/** Something went wrong in the counters at this time; it marks the slot's reading. */
export interface FlagEvent {
  readonly atMs: number;
  readonly flag: QualityFlag;
}

/** Follows one device: asks it, keeps its last good values and its counters. One request in flight; the caller never waits for a hung one. */
export class Poller {
  readonly device: Device;
  readonly role: DeviceRole;
  readonly #nowMs: () => number;
  readonly #limits: CounterLimits;
  readonly #slotMs: number;
  readonly #log: (line: string) => void;
  counters: CounterState = NO_COUNTERS;
  closedWh: Readonly<Record<string, number>> | undefined;
  /** Last good values. */
  values: DeviceSample['values'] = {};
  /** When the last good values were taken; null before the first. */
  goodAtMs: number | null = null;
  /** True when the last answer was nonsense in part or contradicted the counters. */
  nonsense = false;
  /** When the device said the values of the last good look are from, by its own clock; null for a device that does not. */
  deviceTimeMs: number | null = null;
  polls = 0;
  errors = 0;
  /** How long the last look that was answered took, real ms; null before the first. */
  rttMs: number | null = null;
  /** The device's clock less the gateway's; null where the device does not tell. */
  skew: ClockSkew | null = null;
  #clockDueMs = -Infinity;
  #events: FlagEvent[] = [];
  #inFlight: Promise<void> | undefined;
  #suspected: CounterEvent | undefined;
  #lastFault = '';
  #standing: Standing | undefined;

  constructor(options: {
    readonly device: Device;
    readonly role: DeviceRole;
    readonly nowMs: () => number;
    readonly limits: CounterLimits;
    readonly slotMs: number;
    readonly memory: DeviceMemory | undefined;
    readonly log: (line: string) => void;
  }) {
    this.device = options.device;
    this.role = options.role;
    this.#nowMs = options.nowMs;
    this.#limits = options.limits;
    this.#slotMs = options.slotMs;
    this.#log = options.log;
    options.device.watch?.((values) => {
      this.values = { ...this.values, ...values };
      this.changed();
    });
    if (options.memory) {
      const { point, serial, closedWh } = options.memory;
      this.counters = { points: [point], suspects: [], serial };
      this.closedWh = closedWh;
    }
  }

  get id(): string {
    return this.device.id;
  }

  get hung(): boolean {
    return this.#inFlight !== undefined;
  }

  /** Asks the device, unless it still owes an answer. Settles when it answered or failed; never throws. True when an epoch began. */
  poll(): Promise<void> {
    this.#inFlight ??= this.#ask().finally(() => {
      this.#inFlight = undefined;
    });
    return this.#inFlight;
  }

  /** Events before a time, each once. */
  takeEvents(beforeMs: number): readonly FlagEvent[] {
    const taken = this.#events.filter(({ atMs }) => atMs < beforeMs);
    this.#events = this.#events.filter(({ atMs }) => atMs >= beforeMs);
    return taken;
  }

  /** Puts events back that were taken for a reading that could not be stored. */
  giveBack(events: readonly FlagEvent[]): void {
    this.#events.unshift(...events);
  }

  async #ask(): Promise<void> {
    const startedMs = this.#nowMs();
    const startedAt = performance.now();
    this.polls += 1;
    try {
      const sample = await this.device.read();
      const endedMs = this.#nowMs();
      this.#standing = observe(this.#standing, sample, endedMs);
      if (standsStill(this.#standing, this.role, endedMs, STILL_MS)) {
        const since = new Date(this.#standing?.deviceTimeMs ?? 0).toISOString();
        throw new CommonwattError('unavailable', `answers, but its values stand still since ${since}`);
      }
      // The device looked at its counters somewhere between question and answer; connecting before is no part of that.
      const realMs = performance.now() - startedAt;
      const share =
        sample.sentAtMs === undefined || realMs <= 0 ? 1 : (realMs - (sample.sentAtMs - startedAt)) / realMs;
      const lookMs = (endedMs - startedMs) * Math.min(1, Math.max(0, share));
      this.rttMs = realMs * Math.min(1, Math.max(0, share));
      this.#take(sample, Math.max(startedMs, Math.round(endedMs - lookMs / 2)));
      await this.#lookAtClock();
      if (this.#lastFault !== '') this.#log(`${this.id}: answers again`);
      this.#lastFault = '';
    } catch (error) {
      this.errors += 1;
      const fault = reason(error);
      // Waiting for the back-off is not news.
      if (this.#lastFault === '' && !this.stopped) this.#log(`${this.id}: ${fault}`);
      this.#lastFault = fault;
    }
  }

  /** Never throws: a clock that cannot be read is no fault of the look. */
  async #lookAtClock(): Promise<void> {
    const startedMs = this.#nowMs();
    if (!this.device.clock) return;
    if (startedMs < this.#clockDueMs && startedMs > this.#clockDueMs - 2 * CLOCK_EVERY_MS) return;
    this.#clockDueMs = startedMs + CLOCK_EVERY_MS;
    const deviceMs = await this.device.clock().catch(() => undefined);
    const atMs = (startedMs + this.#nowMs()) / 2;
    this.skew = deviceMs === undefined ? null : { skewMs: Math.round(deviceMs - atMs), atMs };
  }

  #take(sample: DeviceSample, atMs: number): void {
    const names = COUNTERS[this.role];
    const rawsWh: Record<string, number> = {};
    for (const name of names) {
      const value = sample.values[name];
      if (value !== undefined) rawsWh[name] = value;
    }
    this.withoutCounters =
      this.role !== 'grid-meter' &&
      this.counters.points.length === 0 &&
      names.every((name) => rawsWh[name] === undefined && !sample.nonsense.includes(name));
    const complete = names.every((name) => rawsWh[name] !== undefined);
    this.nonsense = sample.nonsense.length > 0 || (!complete && this.role === 'grid-meter');
    if (this.nonsense) this.#mark(atMs, 'nonsense');
    const good = Object.fromEntries(
      Object.entries(sample.values).filter(([name]) => !name.endsWith('portWh')),
    );
    const leftOut = (name: Quantity): boolean =>
      this.values[name] !== undefined && sample.values[name] === undefined && !sample.nonsense.includes(name);
    const judgedBy = JUDGED_BY[this.role];
    const blind = judgedBy !== undefined && leftOut(judgedBy);
    // An inverter that sleeps leaves its power out: the last one is no power of now.
    const { powerW: _last, ...rest } = this.values;
    const kept = judgedBy !== 'powerW' && leftOut('powerW') ? rest : this.values;
    this.values = { ...kept, ...good };
    if (complete) {
      const { serial, resolutionWh, rollsAtWh } = sample;
      this.#count({
        atMs,
        rawsWh,
        ...(serial === undefined ? {} : { serial }),
        ...(resolutionWh === undefined ? {} : { resolutionWh }),
        ...(rollsAtWh === undefined ? {} : { rollsAtWh }),
      });
    }
    if (this.nonsense || blind) return;
    this.goodAtMs = atMs;
    this.deviceTimeMs = sample.deviceTimeMs ?? null;
  }

  #count(sample: CounterSample): void {
    const before = this.counters;
    const { state, event } = takeSample(before, sample, this.#limits);
    this.counters = thinPoints(state, this.#slotMs);
    if (event === 'low' || event === 'high') {
      this.nonsense = true;
      this.#suspected ??= event;
      return;
    }
    if (event === 'reset' || event === 'jump' || event === 'replaced') {
      const firstMs = before.suspects[0]?.atMs ?? sample.atMs;
      this.#mark(firstMs, event);
      this.#log(`${this.id}: counter ${event}, epoch ${state.points.at(-1)?.epoch}`);
      this.epochBegan = true;
    } else if (event === 'grown' && this.#suspected !== undefined) {
      const firstMs = before.suspects[0]?.atMs ?? sample.atMs;
      this.#mark(firstMs, this.#suspected === 'high' ? 'jump' : 'nonsense');
    } else if (event === 'old' && sample.atMs < (before.points.at(-1)?.atMs ?? 0)) {
      this.#mark(sample.atMs, 'clock');
    }
    if (event !== 'old') this.#suspected = undefined;
  }

  /** Set when the gateway stops: what breaks off then is no news. */
  stopped = false;
  /** Called when a device reported a change by itself. */
  changed: () => void = () => {};
  /** True for a device that answers but has no energy counters: nobody waits for them. */
  withoutCounters = false;
  /** Set when a new epoch began; the gateway stores that at once and clears it. */
  epochBegan = false;

  #mark(atMs: number, flag: QualityFlag): void {
    if (this.#events.length < 1000) this.#events.push({ atMs, flag });
  }
}
