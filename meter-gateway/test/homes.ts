import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '@commonwatt/domain';
import { fakeModbus, type FakeModbus } from './fake-modbus.ts';

/** A fresh folder, removed by `remove`. */
export function temporaryFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'gateway-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Fills every register of a range, so that reads over gaps succeed. */
export function fill(fake: FakeModbus, from: number, to: number): void {
  for (let address = from; address <= to; address += 1) fake.registers.set(address, 0);
}

export interface FakeMeter {
  readonly fake: FakeModbus;
  /** Power on the grid, positive on import; the counters follow the clock. */
  powerW: number;
  readonly importWh: () => number;
  /** Moves the import counter by hand. */
  shift(wh: number): void;
  frozen: boolean;
  close(): Promise<void>;
}

/** An SDM630 whose counters grow with the clock, at the moment they are read. */
export async function fakeSdm630(clock: Clock, importStartWh = 1000, port = 0): Promise<FakeMeter> {
  const fake = await fakeModbus(port);
  fill(fake, 0, 0x60);
  let importWh = importStartWh;
  let exportWh = 500;
  let atMs = clock.nowMs();
  const meter = {
    fake,
    powerW: 1000,
    frozen: false,
    importWh: () => importWh,
    shift,
    close: () => fake.close(),
  };
  function shift(wh: number): void {
    importWh += wh;
  }
  const step = (): void => {
    const now = clock.nowMs();
    const wh = (meter.powerW * (now - atMs)) / 3_600_000;
    atMs = now;
    if (wh > 0) importWh += wh;
    else exportWh -= wh;
    if (meter.frozen) return;
    fake.setFloat(0x00, 230.5);
    fake.setFloat(0x34, meter.powerW);
    fake.setFloat(0x46, 50);
    fake.setFloat(0x48, importWh / 1000);
    fake.setFloat(0x4a, exportWh / 1000);
  };
  step();
  fake.onRequest = step;
  return meter;
}
