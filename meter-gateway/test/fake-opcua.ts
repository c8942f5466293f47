import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '@commonwatt/domain/testing';
import {
  DataType,
  MessageSecurityMode,
  OPCUACertificateManager,
  OPCUAServer,
  SecurityPolicy,
  StatusCodes,
  Variant,
} from 'node-opcua';
import { derOf } from '../src/opcua/pki.ts';

export interface FakeOpcua {
  readonly endpoint: string;
  readonly certificatePath: string;
  /** Values by node, read at every request. */
  readonly values: Record<string, number>;
  readonly writes: [node: string, value: number][];
  /** Answers every write with BadOutOfRange. */
  refuse: boolean;
  stop(): Promise<void>;
}

const TYPES: Record<string, DataType> = {
  'Battery.Mode': DataType.Int32,
  'Battery.SetpointTimeout': DataType.UInt32,
};
const WRITABLE = new Set(['Battery.Setpoint', 'Battery.SetpointTimeout', 'Battery.Mode']);

/** An OPC-UA server on loopback: SignAndEncrypt only, user `gateway`, password `secret`, and only clients with a trusted certificate. */
export async function fakeOpcua(options: {
  readonly folder: string;
  readonly values: Record<string, number>;
  readonly trustClient?: string;
  readonly port?: number;
  /** Its certificate ran out nine days ago. */
  readonly expired?: boolean;
  /** Takes the certificate that is in the folder already. */
  readonly keepCertificate?: boolean;
}): Promise<FakeOpcua> {
  const { values } = options;
  const writes: [string, number][] = [];
  const manager = new OPCUACertificateManager({
    rootFolder: options.folder,
    automaticallyAcceptUnknownCertificate: options.trustClient === undefined,
    disableFileWatchers: true,
  });
  await manager.initialize();
  if (options.trustClient !== undefined) {
    await manager.trustCertificate(derOf(readFileSync(options.trustClient), options.trustClient));
  }
  const certificatePath = join(options.folder, 'own', 'certs', 'server.pem');
  const port = options.port ?? (await freePort());
  const make = options.keepCertificate !== true;
  if (make)
    await manager.createSelfSignedCertificate({
      applicationUri: 'urn:fake:devices',
      subject: '/CN=Fake devices',
      dns: ['localhost'],
      ip: ['127.0.0.1'],
      startDate: new Date(Date.now() - 10 * 86_400_000),
      validity: options.expired === true ? 1 : 365,
      outputFile: certificatePath,
    });
  const fake: FakeOpcua = {
    endpoint: `opc.tcp://127.0.0.1:${port}`,
    certificatePath,
    values,
    writes,
    refuse: false,
    stop: async () => {
      await server.shutdown(50);
      await manager.dispose();
    },
  };
  const server = new OPCUAServer({
    port,
    host: '127.0.0.1',
    hostname: '127.0.0.1',
    serverCertificateManager: manager,
    certificateFile: certificatePath,
    privateKeyFile: manager.privateKey,
    securityModes: [MessageSecurityMode.SignAndEncrypt],
    securityPolicies: [SecurityPolicy.Basic256Sha256],
    allowAnonymous: false,
    serverInfo: { applicationUri: 'urn:fake:devices' },
    userManager: {
      isValidUser: (user: string, password: string) => user === 'gateway' && password === 'secret',
    },
  });
  await server.initialize();
  const space = server.engine.addressSpace;
  if (!space) throw new Error('no address space');
  const namespace = space.registerNamespace('urn:commonwatt:devices');
  const folder = namespace.addFolder(space.rootFolder.objects, { browseName: 'Home' });
  for (const node of Object.keys(values)) {
    const dataType = TYPES[node] ?? DataType.Double;
    namespace.addVariable({
      componentOf: folder,
      nodeId: `s=${node}`,
      browseName: node,
      dataType,
      accessLevel: WRITABLE.has(node) ? 'CurrentRead | CurrentWrite' : 'CurrentRead',
      minimumSamplingInterval: 100,
      value: {
        get: () => new Variant({ dataType, value: values[node] }),
        ...(WRITABLE.has(node)
          ? {
              set: (variant: Variant) => {
                if (fake.refuse) return StatusCodes.BadOutOfRange;
                values[node] = Number(variant.value);
                writes.push([node, Number(variant.value)]);
                return StatusCodes.Good;
              },
            }
          : {}),
      },
    });
  }
  await server.start();
  return fake;
}
