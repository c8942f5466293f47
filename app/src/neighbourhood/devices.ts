import { createHash } from 'node:crypto';
import type { HomeView } from './home.ts';
import { em340, iem3155, meterView, sdm630, type MeterView } from './meters.ts';
import { serveModbus, type ModbusDevice } from './modbus-server.ts';
import { opcuaNodes } from './opcua-nodes.ts';
import type { Identity } from './opcua-server.ts';
import { hash32, textSeed } from './random.ts';
import type { Registers } from './registers.ts';
import {
  WRONG_METER_PERCENT,
  type DeviceRole,
  type FaultKind,
  type FeederSpec,
  type HomeSpec,
  type ParkDevice,
  type ParkHome,
} from './spec.ts';
import { sunSpecBattery, sunSpecInverter } from './sunspec.ts';
import { writeSunSpec } from './sunspec-write.ts';
import type { World } from './world.ts';

/** The servers of one home. */
export interface HomeServers {
  readonly home: ParkHome;
  /** `device` is a device's id. False when the home has no such device. */
  fault(device: string, kind: FaultKind, percent?: number): Promise<boolean>;
  stop(): Promise<void>;
}

/** Addresses that a device had before, so that it keeps them. */
export interface Addresses {
  port(device: string): number;
  savePort(device: string, port: number): void;
}

const UNIT_ID = 1;
const METER_MAPS: Readonly<Record<string, { map: (view: MeterView) => Registers; readFunction: 3 | 4 }>> = {
  sdm630: { map: sdm630, readFunction: 4 },
  em340: { map: em340, readFunction: 4 },
  iem3155: { map: iem3155, readFunction: 3 },
};
const NAMES: Readonly<Record<DeviceRole, string>> = { 'grid-meter': 'meter', pv: 'pv', battery: 'battery' };

export function rolesOf(spec: HomeSpec): DeviceRole[] {
  return [
    'grid-meter',
    ...(spec.pvPeakW === null ? [] : ['pv' as const]),
    ...(spec.battery ? ['battery' as const] : []),
  ];
}

/** `home-01-meter`, `home-01-pv`, `home-01-battery`. */
export function deviceId(home: string, role: DeviceRole): string {
  return `${home}-${NAMES[role]}`;
}

/** A server for every Modbus device of a home. */
export async function serveModbusHome(
  spec: HomeSpec,
  index: number,
  world: World,
  addresses: Addresses,
): Promise<HomeServers> {
  const servers = await Promise.all(
    rolesOf(spec).map(async (role) => {
      const id = deviceId(spec.id, role);
      const server = await serveModbus(modbusDevice(spec, index, role, world), addresses.port(id));
      addresses.savePort(id, server.port);
      return { id, role, server };
    }),
  );
  return {
    home: {
      id: spec.id,
      devices: servers.map(({ id, role, server }): ParkDevice => ({
        id,
        role,
        protocol: 'modbus-tcp',
        host: '127.0.0.1',
        port: server.port,
        unitId: UNIT_ID,
        profile: role === 'grid-meter' ? spec.meter : 'sunspec',
      })),
    },
    async fault(device, kind, percent = WRONG_METER_PERCENT) {
      const found = servers.find(({ id }) => id === device);
      if (!found) return false;
      if (kind === 'reset-counter') world.resetCounter(index, found.role);
      if (kind === 'wrong-meter') {
        world.setMeterPercent(index, percent);
        return true;
      }
      await found.server.setFault(kind);
      return true;
    },
    async stop() {
      await Promise.all(servers.map(({ server }) => server.stop()));
    },
  };
}

/** The meter at the transformer. */
export async function serveFeeder(
  feeder: FeederSpec,
  world: World,
  addresses: Addresses,
): Promise<HomeServers> {
  const id = deviceId(feeder.id, 'grid-meter');
  const kind = METER_MAPS[feeder.meter];
  if (!kind) throw new RangeError(`no register map for the meter ${feeder.meter}`);
  const seed = hash32(textSeed(feeder.id));
  const device: ModbusDevice = {
    unitId: UNIT_ID,
    readFunction: kind.readFunction,
    registers: () => kind.map(meterView(world.viewFeeder(), seed)),
  };
  const server = await serveModbus(device, addresses.port(id));
  addresses.savePort(id, server.port);
  return {
    home: {
      id: feeder.id,
      devices: [
        {
          id,
          role: 'grid-meter',
          protocol: 'modbus-tcp',
          host: '127.0.0.1',
          port: server.port,
          unitId: UNIT_ID,
          profile: feeder.meter,
        },
      ],
    },
    async fault(name, kindOfFault) {
      if (name !== id || kindOfFault === 'reset-counter' || kindOfFault === 'wrong-meter') return false;
      await server.setFault(kindOfFault);
      return true;
    },
    stop: () => server.stop(),
  };
}

function modbusDevice(spec: HomeSpec, index: number, role: DeviceRole, world: World): ModbusDevice {
  const seed = hash32(textSeed(spec.id));
  const view = (): HomeView => world.view(index);
  const serial = `CW-${hash32(seed, 1).toString(16).padStart(8, '0')}-${NAMES[role]}`;
  if (role === 'grid-meter') {
    const kind = METER_MAPS[spec.meter];
    if (!kind) throw new RangeError(`no register map for the meter ${spec.meter}`);
    return {
      unitId: UNIT_ID,
      readFunction: kind.readFunction,
      registers: () => kind.map(meterView(view(), seed)),
    };
  }
  if (role === 'pv') {
    const peakW = spec.pvPeakW ?? 0;
    return {
      unitId: UNIT_ID,
      readFunction: 3,
      registers: () => sunSpecInverter(view(), serial, peakW, seed),
    };
  }
  const { battery } = spec;
  if (!battery) throw new RangeError(`${spec.id} has no battery`);
  return {
    unitId: UNIT_ID,
    readFunction: 3,
    registers: () => {
      const { control } = world.state(index);
      if (control?.kind !== 'sunspec') throw new RangeError(`${spec.id} has no SunSpec battery`);
      return sunSpecBattery(view(), control, battery, serial, seed);
    },
    write: (address, values) => {
      const result = writeSunSpec(world.state(index).control, address, values);
      if ('exception' in result) return result.exception;
      world.setControl(index, result.control);
      return 0;
    },
  };
}

/** One OPC-UA server for all devices of a home. User and password follow from the neighbourhood's seed. */
export async function serveOpcuaHome(
  spec: HomeSpec,
  index: number,
  world: World,
  addresses: Addresses,
  identity: Identity,
  neighbourhoodSeed: number,
): Promise<HomeServers> {
  const { serveOpcua } = await import('./opcua-server.ts');
  const nonsense = new Set<DeviceRole>();
  const credentials = {
    user: `gateway-${spec.id}`,
    password: createHash('sha256').update(`${neighbourhoodSeed}/${spec.id}`).digest('hex').slice(0, 24),
  };
  const nodes = opcuaNodes(
    spec,
    {
      view: () => world.view(index),
      control: () => world.state(index).control,
      setControl: (control) => world.setControl(index, control),
      nonsense: (role) => nonsense.has(role),
    },
    hash32(textSeed(spec.id)),
  );
  const server = await serveOpcua({
    identity,
    name: spec.id,
    nodes,
    ...credentials,
    port: addresses.port(spec.id),
  });
  addresses.savePort(spec.id, server.port);
  const devices = rolesOf(spec).map((role): ParkDevice => ({
    id: deviceId(spec.id, role),
    role,
    protocol: 'opcua',
    endpoint: server.endpoint,
    ...credentials,
    profile: 'opc34100',
    serverCertificatePath: identity.certificateFile,
  }));
  return {
    home: { id: spec.id, devices },
    async fault(device, kind, percent = WRONG_METER_PERCENT) {
      const found = devices.find(({ id }) => id === device);
      if (!found) return false;
      if (kind === 'wrong-meter') {
        world.setMeterPercent(index, percent);
        return true;
      }
      if (kind === 'reset-counter') world.resetCounter(index, found.role);
      else if (kind === 'nonsense') nonsense.add(found.role);
      else nonsense.delete(found.role);
      await server.setFault(kind);
      return true;
    },
    stop: () => server.stop(),
  };
}
