import { fork } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { BatteryProcess } from '../test/battery-process.ts';
import { fakeModbus } from '../test/fake-modbus.ts';
import { fakeSdm630, temporaryFolder } from '../test/homes.ts';
import { until, type Running } from '../test/test-home.ts';
import { VENDORS } from '../test/vendor-batteries.ts';
import type { DeviceConfig } from './config.ts';

const START = Date.parse('2026-06-01T12:00:00Z');
/** A poll every 10 s is one every 167 ms; the device's timer of 100 s ends in 1.7 s. */
const SPEED = 60;

/** A home on sockets of the test, and gateways for it in processes of their own. */
async function killable(running: Running, name: keyof typeof VENDORS) {
  const originMs = Date.now();
  const clock = {
    nowMs: () => START + (Date.now() - originMs) * SPEED,
    waitUntil: () => Promise.reject(new Error('unused')),
  };
  const folder = temporaryFolder();
  const meter = await fakeSdm630(clock);
  const bank = await fakeModbus();
  const battery = VENDORS[name](bank, clock);
  running.onTestFinished(async () => {
    await Promise.all([meter.close(), bank.close()]);
    folder.remove();
  });
  const tcp = { protocol: 'modbus-tcp', host: '127.0.0.1', unitId: 1 } as const;
  const devices: DeviceConfig[] = [
    { ...tcp, id: 'meter', role: 'grid-meter', port: meter.fake.port, profile: 'sdm630' },
    {
      ...tcp,
      id: 'battery',
      role: 'battery',
      port: bank.port,
      profile: battery.profile,
      nameplate: { capacityWh: 10_000, chargeMaxW: 5000, dischargeMaxW: 5000 },
    },
  ];
  const start = async (powerW: number | null) => {
    const options: BatteryProcess = {
      statePath: join(folder.path, 'g.sqlite'),
      devices,
      originMs,
      startMs: START,
      speed: SPEED,
      powerW,
    };
    const child = fork(
      fileURLToPath(new URL('../test/battery-process.ts', import.meta.url)),
      [JSON.stringify(options)],
      { execArgv: ['--disable-warning=ExperimentalWarning'], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
    );
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    running.onTestFinished(() => void child.kill('SIGKILL'));
    await new Promise((resolve, reject) => {
      child.once('message', resolve);
      void gone.then(() => reject(new Error('the gateway ended by itself')));
    });
    return async (): Promise<void> => {
      child.kill('SIGKILL');
      await gone;
    };
  };
  return { battery, start };
}

test.concurrent.for(['solaredge', 'huawei', 'sungrow'] as const)(
  'a gateway killed with -9 while it forces a %s: the device ends it where it can, the next start releases it',
  { timeout: 60_000 },
  async (name, running) => {
    const { battery, start } = await killable(running, name);
    const kill = await start(2500);
    expect(battery.powerW()).toBe(2500);
    await kill();
    expect(battery.forced()).toBe(true);
    if (battery.reverts) await until(() => !battery.forced(), 'its own timer ends it', 15_000);
    const writes = battery.written.length;
    const killAgain = await start(null);
    await until(() => !battery.forced() && battery.written.length > writes, 'released at the start', 15_000);
    await killAgain();
  },
);
