/** Clients of other makes than the devices, for tests: `modbus-serial` and `node-opcua`, as raw as they come. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import modbusSerial from 'modbus-serial';
import {
  MessageSecurityMode,
  OPCUACertificateManager,
  OPCUAClient,
  SecurityPolicy,
  UserTokenType,
  type ClientSession,
  type UserIdentityInfo,
} from 'node-opcua';

// The package's types and its CommonJS export disagree on where the class is; this holds in both.
const ModbusRTU = modbusSerial.default;
export type ModbusClient = InstanceType<typeof ModbusRTU>;

/** Runs `use` on a fresh connection to unit 1. Every call has 400 ms. */
export async function withModbus<T>(
  port: number,
  use: (client: ModbusClient) => Promise<T>,
  unitId = 1,
): Promise<T> {
  const client = new ModbusRTU();
  await client.connectTCP('127.0.0.1', { port });
  client.setID(unitId);
  client.setTimeout(400);
  try {
    return await use(client);
  } finally {
    client.destroy(() => {});
  }
}

/** Runs `use` in a fresh session. `pkiDir` keeps the client's own key. */
export async function withOpcua<T>(
  target: { endpoint: string; user: string; password: string },
  pkiDir: string,
  use: (session: ClientSession) => Promise<T>,
  how: { anonymous?: boolean; insecure?: boolean; byCertificate?: boolean } = {},
): Promise<T> {
  const manager = new OPCUACertificateManager({
    rootFolder: join(pkiDir, 'client-pki'),
    automaticallyAcceptUnknownCertificate: true,
  });
  await manager.initialize();
  const identity = (): UserIdentityInfo => {
    if (how.anonymous) return { type: UserTokenType.Anonymous };
    if (!how.byCertificate) {
      return { type: UserTokenType.UserName, userName: target.user, password: target.password };
    }
    return {
      type: UserTokenType.Certificate,
      certificateData: client.getCertificate(),
      privateKey: readFileSync(manager.privateKey, 'utf8'),
    };
  };
  const client = OPCUAClient.create({
    securityMode: how.insecure ? MessageSecurityMode.None : MessageSecurityMode.SignAndEncrypt,
    securityPolicy: how.insecure ? SecurityPolicy.None : SecurityPolicy.Basic256Sha256,
    endpointMustExist: false,
    clientCertificateManager: manager,
    connectionStrategy: { maxRetry: 0, initialDelay: 50 },
  });
  try {
    await client.connect(target.endpoint);
    const session = await client.createSession(identity());
    try {
      return await use(session);
    } finally {
      await session.close();
    }
  } finally {
    await client.disconnect();
    await manager.dispose();
  }
}
