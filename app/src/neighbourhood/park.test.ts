import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import modbusSerial from 'modbus-serial';
import {
  AttributeIds,
  DataType,
  MessageSecurityMode,
  OPCUACertificateManager,
  OPCUAClient,
  SecurityPolicy,
  StatusCodes,
  UserTokenType,
  type ClientSession,
} from 'node-opcua';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { planSynthetic, startPark, type Park, type ParkDevice } from './index.ts';

const dir = mkdtempSync(join(tmpdir(), 'park-'));
const spec = planSynthetic({ homes: 3, seed: 1 });
const NOON_MS = spec.startMs + 11 * 3_600_000;
let park: Park;

// The package's types and its CommonJS export disagree on where the class is; this holds in both.
const ModbusRTU = modbusSerial.default;
type ModbusClient = InstanceType<typeof ModbusRTU>;
type Modbus = Extract<ParkDevice, { protocol: 'modbus-tcp' }>;
type Opcua = Extract<ParkDevice, { protocol: 'opcua' }>;

function device(id: string): ParkDevice {
  const found = park.homes.flatMap((home) => home.devices).find((one) => one.id === id);
  if (!found) throw new Error(`no ${id}`);
  return found;
}

async function modbus<T>(id: string, use: (client: ModbusClient) => Promise<T>): Promise<T> {
  const { host, port, unitId } = device(id) as Modbus;
  const client = new ModbusRTU();
  await client.connectTCP(host, { port });
  client.setID(unitId);
  client.setTimeout(400);
  try {
    return await use(client);
  } finally {
    client.destroy(() => {});
  }
}

async function opcua<T>(
  id: string,
  use: (session: ClientSession) => Promise<T>,
  password?: string,
): Promise<T> {
  const found = device(id) as Opcua;
  const manager = new OPCUACertificateManager({
    rootFolder: join(dir, 'client-pki'),
    automaticallyAcceptUnknownCertificate: true,
  });
  await manager.initialize();
  const client = OPCUAClient.create({
    securityMode: MessageSecurityMode.SignAndEncrypt,
    securityPolicy: SecurityPolicy.Basic256Sha256,
    endpointMustExist: false,
    clientCertificateManager: manager,
    connectionStrategy: { maxRetry: 0, initialDelay: 50 },
  });
  await client.connect(found.endpoint);
  try {
    const session = await client.createSession({
      type: UserTokenType.UserName,
      userName: found.user,
      password: password ?? found.password,
    });
    try {
      return await use(session);
    } finally {
      await session.close();
    }
  } finally {
    await client.disconnect();
  }
}

async function readNode(session: ClientSession, name: string): Promise<number> {
  const index = (await session.readNamespaceArray()).indexOf('urn:commonwatt:devices');
  const value = await session.read({ nodeId: `ns=${index};s=${name}`, attributeId: AttributeIds.Value });
  expect(value.statusCode).toBe(StatusCodes.Good);
  return value.value.value as number;
}

beforeAll(async () => {
  park = await startPark({ spec, dir, atMs: NOON_MS, log: () => {} });
  await park.advance(NOON_MS + 60_000);
});

afterAll(async () => {
  await park.stop();
  rmSync(dir, { recursive: true, force: true });
});

describe('a park', () => {
  test('opens OPC-UA to the right password alone', async () => {
    const watts = await opcua('home-03-meter', (session) => readNode(session, 'Meter.AcActivePowerTotal'));
    expect(Number.isFinite(watts)).toBe(true);
    await expect(opcua('home-03-meter', async () => {}, 'wrong')).rejects.toThrow(
      /BadUserAccessDenied|BadIdentity/,
    );
  });

  test('an OPC-UA battery follows its setpoint', async () => {
    await opcua('home-03-battery', async (session) => {
      const index = (await session.readNamespaceArray()).indexOf('urn:commonwatt:devices');
      const write = (name: string, dataType: DataType, value: number) =>
        session.write({
          nodeId: `ns=${index};s=${name}`,
          attributeId: AttributeIds.Value,
          value: { value: { dataType, value } },
        });
      expect(await write('Battery.Setpoint', DataType.Double, 1234)).toBe(StatusCodes.Good);
      expect(await write('Battery.SetpointTimeout', DataType.UInt32, 120)).toBe(StatusCodes.Good);
      expect(await write('Battery.Mode', DataType.Int32, 1)).toBe(StatusCodes.Good);
      expect(await write('Battery.Mode', DataType.Int32, 7)).toBe(StatusCodes.BadOutOfRange);
      expect(await write('Battery.Setpoint', DataType.Double, 99_000)).toBe(StatusCodes.BadOutOfRange);
      expect((await write('Meter.AcActivePowerTotal', DataType.Double, 1)).isGood()).toBe(false);
      await park.advance(park.atMs + 60_000);
      expect(await readNode(session, 'Battery.Power')).toBe(1234);
      expect(await readNode(session, 'Battery.Mode')).toBe(1);
      await park.advance(park.atMs + 120_000);
      expect(await readNode(session, 'Battery.Mode')).toBe(0);
    });
  });

  test('a Modbus meter answers', async () => {
    await modbus('home-01-meter', async (client) => {
      const { buffer } = await client.readInputRegisters(0, 6);
      expect(buffer.readFloatBE(0)).toBeGreaterThan(200);
    });
  });

  test('the certificate is readable', () => {
    expect(readFileSync((device('home-03-meter') as Opcua).serverCertificatePath, 'utf8')).toContain('BEGIN');
  });
});
