import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '@commonwatt/domain/testing';
import {
  DataType,
  DataValue,
  MessageSecurityMode,
  OPCUACertificateManager,
  OPCUAServer,
  SecurityPolicy,
  StatusCodes,
  Variant,
  type StatusCode,
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
  /** Status of single nodes, read at every request; Good where there is none. */
  readonly statuses: Record<string, StatusCode>;
  /** Source timestamp of all values; null for now. */
  stampMs: number | null;
  /** Called before values are read. */
  onRead: () => void;
  /** Called after a value was written. */
  onWrite: (node: string, value: number) => void;
  /** Sessions open now, and ever. */
  sessions(): { readonly open: number; readonly ever: number };
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
  /** From when the certificate is valid. */
  readonly validFrom?: Date;
  /** Certificate and key (PEM) in place of those that are made. */
  readonly identity?: { readonly certificateFile: string; readonly privateKeyFile: string };
  readonly sessionsMax?: number;
  /** Namespaces before that of the devices. */
  readonly namespacesBefore?: readonly string[];
  /** Data types of single nodes, where they are not the profile's. */
  readonly types?: Record<string, DataType>;
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
  const certificatePath =
    options.identity?.certificateFile ?? join(options.folder, 'own', 'certs', 'server.pem');
  const port = options.port ?? (await freePort());
  const make = options.keepCertificate !== true && options.identity === undefined;
  if (make)
    await manager.createSelfSignedCertificate({
      applicationUri: 'urn:fake:devices',
      subject: '/CN=Fake devices',
      dns: ['localhost'],
      ip: ['127.0.0.1'],
      startDate: options.validFrom ?? new Date(Date.now() - 10 * 86_400_000),
      validity: options.expired === true ? 1 : 365,
      outputFile: certificatePath,
    });
  const fake: FakeOpcua = {
    endpoint: `opc.tcp://127.0.0.1:${port}`,
    certificatePath,
    values,
    writes,
    refuse: false,
    statuses: {},
    stampMs: null,
    onRead: () => {},
    onWrite: () => {},
    sessions: () => ({
      open: server.engine.currentSessionCount,
      ever: server.engine.cumulatedSessionCount,
    }),
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
    privateKeyFile: options.identity?.privateKeyFile ?? manager.privateKey,
    ...(options.sessionsMax === undefined
      ? {}
      : { serverCapabilities: { maxSessions: options.sessionsMax } }),
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
  for (const uri of options.namespacesBefore ?? []) space.registerNamespace(uri);
  const namespace = space.registerNamespace('urn:commonwatt:devices');
  const folder = namespace.addFolder(space.rootFolder.objects, { browseName: 'Home' });
  for (const node of Object.keys(values)) {
    const dataType = options.types?.[node] ?? TYPES[node] ?? DataType.Double;
    const access = WRITABLE.has(node) ? 'CurrentRead | CurrentWrite' : 'CurrentRead';
    const variable = namespace.addVariable({
      componentOf: folder,
      nodeId: `s=${node}`,
      browseName: node,
      dataType,
      accessLevel: access,
      userAccessLevel: access,
      minimumSamplingInterval: 100,
    });
    variable.bindVariable(
      {
        timestamped_get: () => {
          fake.onRead();
          return new DataValue({
            statusCode: fake.statuses[node] ?? StatusCodes.Good,
            sourceTimestamp: new Date(fake.stampMs ?? Date.now()),
            value: new Variant({
              dataType,
              value: dataType === DataType.String ? `${values[node]}` : values[node],
            }),
          });
        },
        ...(WRITABLE.has(node)
          ? {
              timestamped_set: async ({ value }: DataValue) => {
                if (fake.refuse) return StatusCodes.BadOutOfRange;
                values[node] = Number(value.value);
                writes.push([node, Number(value.value)]);
                fake.onWrite(node, Number(value.value));
                return StatusCodes.Good;
              },
            }
          : {}),
      },
      true,
    );
  }
  await server.start();
  return fake;
}
