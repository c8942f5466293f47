import { join } from 'node:path';
import type { MeterReading, Signed } from '@commonwatt/domain';
import type { GatewayOptions } from '../src/contract.ts';
import { gatewayCertificate } from '../src/opcua/pki.ts';
import { steppedClock, type SteppedClock } from './clock.ts';
import { cuttable, type Cuttable } from './cuttable.ts';
import { fakeOpcua, type FakeOpcua } from './fake-opcua.ts';
import { temporaryFolder } from './homes.ts';
import { signer, START, type Running } from './test-home.ts';

export interface OpcuaHome {
  readonly clock: SteppedClock;
  readonly server: FakeOpcua;
  readonly network: Cuttable;
  /** The home's load, W; the grid carries what the battery does not. */
  loadW: number;
  /** False for a battery that acknowledges and does nothing. */
  delivers: boolean;
  /** False stops the device behind the server: values and their timestamps stand still, the counters inside go on. */
  alive: boolean;
  readonly importWh: () => number;
  readonly received: MeterReading[];
  readonly lines: string[];
  readonly options: GatewayOptions;
}

/** A home with meter and battery behind one OPC-UA server, in the clock's time; the battery falls back by its own timer. */
export async function opcuaHome(running: Running): Promise<OpcuaHome> {
  const folder = temporaryFolder();
  running.onTestFinished(folder.remove);
  const clock = steppedClock(START);
  const pkiFolder = join(folder.path, 'pki');
  const server = await fakeOpcua({
    folder: join(folder.path, 'server'),
    trustClient: await gatewayCertificate(pkiFolder),
    values: {
      'Meter.AcActivePowerTotal': 1000,
      'Meter.AcActiveEnergyTotalImportHp': 50_000,
      'Meter.AcActiveEnergyTotalExportHp': 700,
      'Meter.AcVoltagePhase1': 230,
      'Battery.StateOfCharge': 55,
      'Battery.Power': 0,
      'Battery.EnergyCharged': 9000,
      'Battery.EnergyDischarged': 8000,
      'Battery.Capacity': 10_000,
      'Battery.ChargePowerMax': 5000,
      'Battery.DischargePowerMax': 4600,
      'Battery.Setpoint': 0,
      'Battery.SetpointTimeout': 0,
      'Battery.Mode': 0,
    },
  });
  running.onTestFinished(() => server.stop());
  const network = await cuttable(Number(new URL(server.endpoint.replace('opc.tcp', 'http')).port));
  running.onTestFinished(() => network.close());

  const { values } = server;
  let importWh = 50_000;
  let atMs = START;
  let forcedUntilMs = -Infinity;
  const step = (): void => {
    const nowMs = clock.nowMs();
    if (values['Battery.Mode'] === 1 && nowMs >= forcedUntilMs) values['Battery.Mode'] = 0;
    const forced = values['Battery.Mode'] === 1;
    const batteryW = forced && home.delivers ? (values['Battery.Setpoint'] ?? 0) : 0;
    const gridW = home.loadW - batteryW;
    importWh += (Math.max(0, gridW) * (nowMs - atMs)) / 3_600_000;
    atMs = nowMs;
    if (!home.alive) return;
    server.stampMs = nowMs;
    values['Meter.AcActivePowerTotal'] = gridW;
    values['Meter.AcActiveEnergyTotalImportHp'] = importWh;
    values['Battery.Power'] = batteryW;
  };
  server.onRead = step;
  server.onWrite = (node) => {
    step();
    if (node === 'Battery.Mode' || node === 'Battery.SetpointTimeout')
      forcedUntilMs = clock.nowMs() + (values['Battery.SetpointTimeout'] ?? 0) * 1000;
  };
  const received: MeterReading[] = [];
  const lines: string[] = [];
  const device = {
    protocol: 'opcua',
    endpoint: `opc.tcp://127.0.0.1:${network.port}`,
    user: 'gateway',
    password: 'secret',
    profile: 'opc34100',
    serverCertificatePath: server.certificatePath,
  } as const;
  const home: OpcuaHome = {
    clock,
    server,
    network,
    loadW: 1000,
    delivers: true,
    alive: true,
    importWh: () => importWh,
    received,
    lines,
    options: {
      community: 'commonwatt-test',
      participant: 'home-01',
      gateway: 'gw-home-01',
      slotMinutes: 15,
      signer,
      clock,
      devices: [
        { id: 'meter', role: 'grid-meter', ...device },
        { id: 'battery', role: 'battery', ...device },
      ],
      statePath: join(folder.path, 'gateway.sqlite'),
      pkiFolder,
      pollIntervalMs: 60_000,
      deliver: async (reading: Signed<MeterReading>) => {
        received.push(reading.payload);
        return 'accepted';
      },
      limits: { importFuseW: 17_000, socReservePermille: 100 },
      log: (line) => lines.push(line),
      tuning: {
        connections: {
          opcua: { timeoutMs: 500, connectTimeoutMs: 3000, backoffFirstMs: 2, backoffMaxMs: 20 },
        },
        deliveryBackoffMs: [5, 50],
      },
    },
  };
  return home;
}
