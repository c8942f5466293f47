import {
  canonicalJson,
  sha256Hex,
  slotIdAt,
  type MeterReading,
  type QualityFlag,
  type Signed,
  type Signer,
} from '@commonwatt/domain';
import { prunePoints } from '../counter/tracker.ts';
import type { FlagEvent, Poller } from '../poller.ts';
import type { Store } from '../store/store.ts';
import { canClose, closeSlot, type SlotDevice, type SlotEnergy } from './close.ts';
import { NO_HASH, type DeviceMemory, type MeterMemory } from './memory.ts';

export interface SlotsOptions {
  readonly community: string;
  readonly participant: string;
  readonly gateway: string;
  readonly slotMs: number;
  readonly signer: Signer;
  readonly store: Store;
  readonly pollers: readonly Poller[];
  readonly startedMs: number;
  /** How long a slot waits after its end for a device that does not answer. */
  readonly graceMs: number;
  readonly gapMaxMs: number;
  /** A first sample later than this after the slot's start makes the first reading `partial`. */
  readonly firstMs: number;
  readonly nowMs: () => number;
  readonly clockSynchronised: () => boolean;
}

/** A longer outage than this many slots is one reading for the whole gap (a clock that is decades off must not make a million). */
const SLOTS_AT_ONCE = 6000;

/** A meter's clock that is farther off than this marks the reading: one of the two clocks is wrong. */
const SKEW_MAX_MS = 60_000;
/** What was seen of a meter's clock longer ago than this is not told any more. */
const SKEW_FRESH_MS = 3_600_000;

/** Turns counters into signed readings, one per slot, without a gap in sequence or energy. */
export class Slots {
  readonly #options: SlotsOptions;
  #memory: MeterMemory | undefined;
  #firstPartial = false;

  constructor(options: SlotsOptions, memory: MeterMemory | undefined) {
    this.#options = options;
    this.#memory = memory;
  }

  get nextSequence(): number {
    return this.#memory?.sequence ?? 0;
  }

  /** The boundary that closes next; undefined before the meter was first seen. */
  get nextBoundaryMs(): number | undefined {
    return this.#memory === undefined ? undefined : this.#memory.boundaryMs + this.#options.slotMs;
  }

  /** Closes every slot that is due, and stores its signed reading. Throws when the disk refuses; nothing is lost then, the next call does it. */
  closeDue(): readonly Signed<MeterReading>[] {
    if (!this.#memory && !this.#begin()) return [];
    const { slotMs, nowMs, startedMs, graceMs, pollers } = this.#options;
    const readings: Signed<MeterReading>[] = [];
    let memory = this.#memory as MeterMemory;
    const taken: [Poller, readonly FlagEvent[]][] = [];
    const firstPartial = this.#firstPartial;
    const now = nowMs();
    const behind = Math.floor((now - memory.boundaryMs) / slotMs) - SLOTS_AT_ONCE;
    let startMs = memory.boundaryMs + Math.max(0, behind) * slotMs;
    const closedWh = this.#closedWh();
    for (;;) {
      const endMs = startMs + slotMs;
      const devices = this.#devices(closedWh);
      const waitUntilMs = Math.max(endMs, startedMs) + graceMs;
      if (!canClose(devices, endMs, waitUntilMs, now)) break;
      const energy = closeSlot(devices, endMs, this.#options.gapMaxMs);
      if (!energy) break;
      const flags = new Set<QualityFlag>(energy.flags);
      for (const poller of pollers) {
        const events = poller.takeEvents(endMs);
        taken.push([poller, events]);
        for (const { flag } of events) flags.add(flag);
        if (poller.counters.suspects.length > 0 && energy.flags.length > 0) flags.add('nonsense');
      }
      if (this.#firstPartial || (behind > 0 && readings.length === 0)) flags.add('partial');
      this.#firstPartial = false;
      const signed = this.#sign(memory, startMs, energy, flags);
      readings.push(signed);
      Object.assign(closedWh, energy.closedWh);
      memory = {
        boundaryMs: endMs,
        sequence: memory.sequence + 1,
        previousHash: sha256Hex(canonicalJson(signed)),
        devices: memory.devices,
      };
      startMs = endMs;
    }
    if (readings.length === 0) return [];
    memory = { ...memory, devices: this.#remember(closedWh) };
    try {
      this.#options.store.append(readings, memory);
    } catch (error) {
      for (const [poller, events] of taken) poller.giveBack(events);
      this.#firstPartial = firstPartial;
      throw error;
    }
    this.#memory = memory;
    for (const poller of pollers) {
      poller.closedWh = closedWh[poller.id] ?? poller.closedWh;
      poller.counters = prunePoints(poller.counters, memory.boundaryMs);
    }
    return readings;
  }

  /** Puts the latest points on disk: after a new epoch, and on an orderly stop. */
  save(): void {
    if (!this.#memory) return;
    const memory = { ...this.#memory, devices: this.#remember(this.#closedWh()) };
    this.#options.store.saveMemory(memory);
    this.#memory = memory;
  }

  /** The first sample ever: the slot that holds it is the first one that gets a reading. */
  #begin(): boolean {
    const { pollers, slotMs, firstMs } = this.#options;
    const first = pollers.find(({ role }) => role === 'grid-meter')?.counters.points[0];
    if (!first) return false;
    const boundaryMs = Math.floor(first.atMs / slotMs) * slotMs;
    this.#firstPartial = first.atMs - boundaryMs > firstMs;
    this.#memory = { boundaryMs, sequence: 0, previousHash: NO_HASH, devices: {} };
    return true;
  }

  #closedWh(): Record<string, Readonly<Record<string, number>>> {
    const closedWh: Record<string, Readonly<Record<string, number>>> = {};
    for (const { id, closedWh: closed, counters } of this.#options.pollers) {
      // A device counts from when it was first seen.
      const from = closed ?? counters.points[0]?.totalsWh;
      if (from) closedWh[id] = from;
    }
    return closedWh;
  }

  #devices(closedWh: Readonly<Record<string, Readonly<Record<string, number>>>>): readonly SlotDevice[] {
    return this.#options.pollers
      .filter(({ withoutCounters }) => !withoutCounters)
      .map(({ id, role, counters }) => ({ id, role, counters, closedWh: closedWh[id] }));
  }

  #remember(
    closedWh: Readonly<Record<string, Readonly<Record<string, number>>>>,
  ): Record<string, DeviceMemory> {
    const devices: Record<string, DeviceMemory> = { ...this.#memory?.devices };
    for (const { id, counters } of this.#options.pollers) {
      const point = counters.points.at(-1);
      const closed = closedWh[id];
      if (point && closed) devices[id] = { point, closedWh: closed, serial: counters.serial };
    }
    return devices;
  }

  #sign(
    memory: MeterMemory,
    startMs: number,
    energy: SlotEnergy,
    flags: Set<QualityFlag>,
  ): Signed<MeterReading> {
    const { signer, community, gateway, participant, pollers, nowMs } = this.#options;
    const clockSynchronised = this.#options.clockSynchronised();
    if (!clockSynchronised) flags.add('clock');
    const gatewayTimeMs = Math.round(nowMs());
    const meter = pollers.find(({ role }) => role === 'grid-meter');
    const skew = meter?.skew ?? null;
    const skewMs = skew !== null && Math.abs(gatewayTimeMs - skew.atMs) <= SKEW_FRESH_MS ? skew.skewMs : null;
    if (skewMs !== null && Math.abs(skewMs) > SKEW_MAX_MS) flags.add('clock');
    const bank = pollers.find(({ role }) => role === 'battery');
    const known = bank?.goodAtMs != null && gatewayTimeMs - bank.goodAtMs <= this.#options.graceMs;
    const soc = known ? bank.values.stateOfChargePermille : undefined;
    return signer.sign<MeterReading>({
      type: 'reading',
      community,
      gateway,
      participant,
      slot: slotIdAt(startMs),
      sequence: memory.sequence,
      previousHash: memory.previousHash,
      importWh: energy.importWh,
      exportWh: energy.exportWh,
      importCounterWh: energy.importCounterWh,
      exportCounterWh: energy.exportCounterWh,
      epoch: energy.epoch,
      pvWh: energy.pvWh,
      batteryChargedWh: energy.batteryChargedWh,
      batteryDischargedWh: energy.batteryDischargedWh,
      stateOfChargePermille: soc ?? null,
      flags: [...flags].sort(),
      deviceTimeMs: skewMs === null ? (meter?.deviceTimeMs ?? null) : gatewayTimeMs + skewMs,
      gatewayTimeMs,
      clockSynchronised,
    });
  }
}
