import type { ClientSession, OPCUAClient } from 'node-opcua';
import { withDeadline } from '../deadline.ts';
import { startWatch, type Watch } from './watch.ts';
import { APPLICATION_URI, checkValidity, openPki } from './pki.ts';

/** The security policies a gateway takes, best first; all with SignAndEncrypt. */
export const POLICIES = ['Aes256_Sha256_RsaPss', 'Aes128_Sha256_RsaOaep', 'Basic256Sha256'] as const;
export type Policy = (typeof POLICIES)[number];

export interface OpcuaTarget {
  readonly endpoint: string;
  readonly user: string;
  readonly password: string;
  /** Basic256Sha256 by default. */
  readonly security?: Policy | undefined;
  readonly pkiFolder: string;
  readonly serverCertificatePath?: string | undefined;
}

/** A session that works, with the server's namespaces at the time it began. */
export interface Live {
  readonly client: OPCUAClient;
  readonly session: ClientSession;
  readonly namespaces: readonly string[];
}

/** The server keeps a session this long after the connection broke: well above the longest silence of a subscription. */
const SESSION_TIMEOUT_MS = 120_000;

/**
 * Connects, with SignAndEncrypt, user and password, to a server on the trust list, and starts the watches. Throws after `timeoutMs` at the
 * latest and leaves nothing open then. A connection that breaks later is taken up again by the library: it activates the same session on
 * the new connection, asks for what its subscriptions have sent in vain, and makes a new session where the server forgot the old one.
 */
export async function openLive(
  target: OpcuaTarget,
  watches: readonly Watch[],
  timeoutMs: number,
): Promise<Live> {
  const { endpoint, user, password, serverCertificatePath, pkiFolder, security } = target;
  let client: OPCUAClient | undefined;
  let session: ClientSession | undefined;
  /** Nobody waits for it any more. */
  let late = false;
  const opening = (async (): Promise<Live> => {
    const { OPCUAClient, MessageSecurityMode, SecurityPolicy, UserTokenType } = await import('node-opcua');
    // Within the deadline too: a process that was killed may have left the folder locked, for two minutes.
    const pki = await openPki(pkiFolder);
    checkValidity(pki.ownCertificate(), Date.now(), 'gateway');
    // Pinned: another trusted server at this address is refused too.
    const serverCertificate =
      serverCertificatePath === undefined ? undefined : await pki.trust(serverCertificatePath);
    if (serverCertificate) checkValidity(serverCertificate, Date.now(), 'server');
    if (late) throw new Error('too late');
    client = OPCUAClient.create({
      applicationName: 'Commonwatt gateway',
      applicationUri: APPLICATION_URI,
      clientCertificateManager: pki.manager,
      certificateFile: pki.certificateFile,
      privateKeyFile: pki.privateKeyFile,
      securityMode: MessageSecurityMode.SignAndEncrypt,
      securityPolicy: SecurityPolicy[security ?? 'Basic256Sha256'],
      ...(serverCertificate === undefined ? {} : { serverCertificate }),
      endpointMustExist: false,
      keepSessionAlive: true,
      requestedSessionTimeout: SESSION_TIMEOUT_MS,
      transportTimeout: timeoutMs,
      // With 0 the library would not take up a broken connection again.
      connectionStrategy: { maxRetry: 1, initialDelay: 100, maxDelay: 2000 },
    });
    await client.connect(endpoint);
    session = await client.createSession({ type: UserTokenType.UserName, userName: user, password });
    if (session.serverCertificate) checkValidity(session.serverCertificate, Date.now(), 'server');
    const namespaces = await namespacesOf(session);
    for (const watch of watches) await startWatch(session, namespaces, watch, SESSION_TIMEOUT_MS);
    return { client, session, namespaces };
  })();
  try {
    return await withDeadline(opening, timeoutMs, 'connect');
  } catch (error) {
    late = true;
    if (client) void discard({ client, session });
    opening.then(discard, () => {});
    throw error;
  }
}

/** The server's namespaces in their order now (OPC 10000-5, 6.3.1); the library would answer from its memory. */
export async function namespacesOf(session: ClientSession): Promise<readonly string[]> {
  const { value } = await session.read({ nodeId: 'i=2255', attributeId: 13 });
  const names: unknown = value.value;
  if (!Array.isArray(names)) throw new Error('the server does not list its namespaces');
  return names.map(String);
}

/** Closes what can be closed, with a deadline: the server may be gone. Never throws. */
export async function discard(live: {
  client: OPCUAClient;
  session: ClientSession | undefined;
}): Promise<void> {
  const { client, session } = live;
  // A session that is left open holds one of the few places that a device's server has.
  if (session) await withDeadline(session.close(true), 1000, 'close').catch(() => {});
  await withDeadline(client.disconnect(), 2000, 'disconnect').catch(() => {});
}
