import { createRequire } from 'node:module';
import type { Server, Socket } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { existsSync } from 'node:fs';
import {
  AccessLevelFlag,
  DataType,
  DataValue,
  makeAccessLevelFlag,
  MessageSecurityMode,
  nodesets,
  OPCUACertificateManager,
  OPCUAServer,
  SecurityPolicy,
  StatusCodes,
  Variant,
  type StatusCode,
} from 'node-opcua';
import type { OpcuaNode, OpcuaValueType } from './opcua-nodes.ts';
import type { FaultKind } from './spec.ts';

export const DEVICES_NAMESPACE = 'urn:commonwatt:devices';
const APPLICATION_URI = 'urn:commonwatt:devices:park';
const CERTIFICATE_DAYS = 3650;
const CLIENTS_MAX = 100;

/** Key pair and certificate that all OPC-UA devices of a park share: RSA keys take long to make. */
export interface Identity {
  readonly manager: OPCUACertificateManager;
  /** Trusts nobody: a certificate must not stand in for user and password. */
  readonly userManager: OPCUACertificateManager;
  readonly certificateFile: string;
  readonly privateKeyFile: string;
}

/** Opens the park's key store, making key and certificate the first time. Clients' certificates are all accepted. */
export async function openIdentity(dir: string): Promise<Identity> {
  const rootFolder = join(dir, 'pki');
  const manager = new OPCUACertificateManager({ rootFolder, automaticallyAcceptUnknownCertificate: true });
  await manager.initialize();
  const userManager = new OPCUACertificateManager({ rootFolder: join(dir, 'pki-users') });
  await userManager.initialize();
  const certificateFile = join(rootFolder, 'own', 'certs', 'devices.pem');
  if (!existsSync(certificateFile)) {
    await manager.createSelfSignedCertificate({
      applicationUri: APPLICATION_URI,
      // The server library warns about every name of the machine that is not in here.
      dns: ['localhost', hostname()],
      ip: ['127.0.0.1'],
      outputFile: certificateFile,
      subject: '/CN=Commonwatt simulated devices',
      startDate: new Date(Date.now() - 86_400_000),
      validity: CERTIFICATE_DAYS,
    });
  }
  return { manager, userManager, certificateFile, privateKeyFile: manager.privateKey };
}

export interface OpcuaDeviceServer {
  readonly port: number;
  readonly endpoint: string;
  setFault(kind: FaultKind): Promise<void>;
  stop(): Promise<void>;
}

/**
 * An OPC-UA server on 127.0.0.1 with SignAndEncrypt / Basic256Sha256 and user name and password alone.
 * It loads node-opcua's smallest nodeset: the full one takes 60 MB and 0.4 s for each server, this one 5 MB and 0.05 s.
 */
export async function serveOpcua(options: {
  identity: Identity;
  name: string;
  nodes: readonly OpcuaNode[];
  user: string;
  password: string;
  port: number;
}): Promise<OpcuaDeviceServer> {
  const { identity } = options;
  const create = (port: number): OPCUAServer =>
    new OPCUAServer({
      port,
      host: '127.0.0.1',
      hostname: '127.0.0.1',
      nodeset_filename: [smallestNodeset()],
      serverInfo: { applicationUri: APPLICATION_URI, applicationName: { text: options.name } },
      serverCertificateManager: identity.manager,
      userCertificateManager: identity.userManager,
      certificateFile: identity.certificateFile,
      privateKeyFile: identity.privateKeyFile,
      securityModes: [MessageSecurityMode.SignAndEncrypt],
      securityPolicies: [SecurityPolicy.Basic256Sha256],
      allowAnonymous: false,
      userManager: {
        isValidUser: (user: string, password: string) =>
          user === options.user && password === options.password,
      },
      // A client that is killed leaves its session until that times out.
      maxConnectionsPerEndpoint: CLIENTS_MAX,
      serverCapabilities: { maxSessions: CLIENTS_MAX },
    });
  const begin = async (port: number): Promise<OPCUAServer> => {
    const server = create(port);
    await server.initialize();
    addNodes(server, options.nodes);
    await server.start();
    return server;
  };
  const server = await begin(options.port).catch(async (error: unknown) => {
    if (options.port === 0) throw error;
    return begin(0);
  });
  const endpoint = server.getEndpointUrl();
  return {
    port: Number(new URL(endpoint).port),
    endpoint,
    setFault: faults(server),
    stop: () => server.shutdown(0),
  };
}

function addNodes(server: OPCUAServer, nodes: readonly OpcuaNode[]): void {
  const addressSpace = server.engine.addressSpace;
  if (!addressSpace) throw new Error('the server has no address space');
  const namespace = addressSpace.registerNamespace(DEVICES_NAMESPACE);
  const folders = new Map<string, ReturnType<typeof namespace.addObject>>();
  for (const node of nodes) {
    const [folderName = '', name = ''] = node.id.split('.');
    let folder = folders.get(folderName);
    if (!folder) {
      folder = namespace.addObject({
        organizedBy: addressSpace.rootFolder.objects,
        browseName: folderName,
        nodeId: `s=${folderName}`,
      });
      folders.set(folderName, folder);
    }
    const access =
      AccessLevelFlag.CurrentRead | (node.write ? AccessLevelFlag.CurrentWrite : AccessLevelFlag.None);
    const variable = namespace.addVariable({
      componentOf: folder,
      browseName: name,
      nodeId: `s=${node.id}`,
      dataType: DataType[node.type],
      accessLevel: makeAccessLevelFlag(access),
      userAccessLevel: makeAccessLevelFlag(access),
      minimumSamplingInterval: 100,
    });
    const { write } = node;
    variable.bindVariable(
      {
        timestamped_get: () => valueOf(node),
        ...(write ? { timestamped_set: async (value: DataValue) => writeTo(node.type, write, value) } : {}),
      },
      true,
    );
  }
}

function valueOf(node: OpcuaNode): DataValue {
  const { value, atMs } = node.read();
  return new DataValue({
    statusCode: StatusCodes.Good,
    sourceTimestamp: new Date(atMs),
    value: new Variant({ dataType: DataType[node.type], value }),
  });
}

function writeTo(
  type: OpcuaValueType,
  write: NonNullable<OpcuaNode['write']>,
  dataValue: DataValue,
): StatusCode {
  const { value } = dataValue.value;
  if (dataValue.value.dataType !== DataType[type] || typeof value !== 'number') {
    return StatusCodes.BadTypeMismatch;
  }
  try {
    return write(value) ? StatusCodes.Good : StatusCodes.BadOutOfRange;
  } catch {
    return StatusCodes.BadDeviceFailure;
  }
}

/** A hanging device keeps its connections but neither reads nor writes them; a disconnected one drops and refuses them. */
function faults(server: OPCUAServer): (kind: FaultKind) => Promise<void> {
  const endpoint = server.endpoints[0];
  const sockets = new Set<Socket>();
  let current: FaultKind = 'none';
  const watch = (): void => {
    // The listening socket is not public; nothing else sees a connection before the protocol does.
    const listener = (endpoint as unknown as { _server?: Server } | undefined)?._server;
    listener?.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      if (current === 'hang') freeze(socket);
    });
  };
  watch();
  return async (kind) => {
    if (kind === 'reset-counter' || kind === current) return;
    const before = current;
    current = kind;
    if (before === 'disconnect') {
      await server.resumeEndPoints();
      watch();
    }
    for (const socket of sockets) {
      if (kind === 'hang') freeze(socket);
      else if (before === 'hang') thaw(socket);
    }
    if (kind === 'disconnect') {
      for (const socket of sockets) socket.destroy();
      await server.suspendEndPoints();
    }
  };
}

function freeze(socket: Socket): void {
  socket.pause();
  socket.cork();
}

function thaw(socket: Socket): void {
  socket.uncork();
  socket.resume();
}

/** Ships inside node-opcua; an installation without it falls back to the standard nodeset. */
function smallestNodeset(): string {
  const require = createRequire(import.meta.url);
  try {
    const inner = createRequire(require.resolve('node-opcua'));
    return inner.resolve('node-opcua-address-space/nodesets/mini.Nodeset2.xml');
  } catch {
    return nodesets.standard;
  }
}
