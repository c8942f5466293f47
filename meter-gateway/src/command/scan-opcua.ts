import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowseLimits } from '../opcua/browse.ts';
import { POLICIES, type Policy } from '../opcua/client.ts';
import { withDeadline } from '../deadline.ts';
import { openPki, thumbprintOf } from '../opcua/pki.ts';
import { browseServer, loginAdvice, type Browsed } from './scan-browse.ts';

/** An endpoint that an OPC-UA server offers. */
export interface FoundEndpoint {
  readonly endpoint: string;
  /** `SignAndEncrypt Basic256Sha256`. */
  readonly security: string;
  /** Takes a user name and password. */
  readonly userName: boolean;
  /** SHA-1 of the server's certificate as tools show it: compare it with the device's own display before trusting. */
  readonly certificateThumbprint: string;
  /** The certificate, PEM, to be kept as `serverCertificatePath` once the thumbprint was compared. */
  readonly certificatePem: string;
}

/** How to look behind a server's login. */
export interface OpcuaLogin {
  readonly user: string;
  readonly password: string;
  /** The best that the server offers, when left out. */
  readonly security?: Policy | undefined;
  /** Shown the thumbprint of the server's certificate: whether it is the device's. Only then user and password are sent. */
  readonly trust: (thumbprint: string) => boolean | Promise<boolean>;
  /** Keeps the server's certificate (PEM): where it is, and how the configuration names it. */
  readonly keepCertificate: (pem: string) => { readonly path: string; readonly name: string };
  /** The gateway's own OPC-UA folder: its certificate is the one that the server has to trust. */
  readonly pkiFolder: string;
  readonly limits?: BrowseLimits;
}

/** What was found behind a login, and how the gateway gets there. */
export interface FoundServer extends Browsed {
  readonly endpoint: string;
  readonly security: Policy;
  readonly serverCertificatePath: string;
}

/** Asks a server for its endpoints (OPC 10000-4, 5.5.4). That needs no trust; nothing is read or written. */
export async function listEndpoints(endpoint: string, timeoutMs = 5000): Promise<readonly FoundEndpoint[]> {
  const { MessageSecurityMode, OPCUAClient, UserTokenType } = await import('node-opcua');
  // The library wants a key even for a question that needs none; this one is nobody's.
  const folder = mkdtempSync(join(tmpdir(), 'commonwatt-scan-'));
  const pki = await openPki(folder);
  const client = OPCUAClient.create({
    clientCertificateManager: pki.manager,
    certificateFile: pki.certificateFile,
    privateKeyFile: pki.privateKeyFile,
    endpointMustExist: false,
    connectionStrategy: { maxRetry: 0, initialDelay: 100 },
    transportTimeout: timeoutMs,
  });
  try {
    await withDeadline(client.connect(endpoint), timeoutMs, `connect to ${endpoint}`);
    const endpoints = await withDeadline(client.getEndpoints(), timeoutMs, `endpoints of ${endpoint}`);
    return endpoints.map((found) => {
      const der = found.serverCertificate ?? Buffer.alloc(0);
      const base64 = der.toString('base64').replaceAll(/(.{64})/g, '$1\n');
      return {
        endpoint: found.endpointUrl ?? endpoint,
        security: `${MessageSecurityMode[found.securityMode]} ${(found.securityPolicyUri ?? '').split('#')[1] ?? ''}`,
        userName: (found.userIdentityTokens ?? []).some(
          ({ tokenType }) => tokenType === UserTokenType.UserName,
        ),
        certificateThumbprint: thumbprintOf(der),
        certificatePem: `-----BEGIN CERTIFICATE-----\n${base64.trimEnd()}\n-----END CERTIFICATE-----\n`,
      };
    });
  } finally {
    await withDeadline(client.disconnect(), 2000, 'disconnect').catch(() => {});
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The best endpoint a gateway may use: SignAndEncrypt, a user name, and the policy asked for or the best there is. */
export function bestEndpoint(
  endpoints: readonly FoundEndpoint[],
  security?: Policy,
): (FoundEndpoint & { readonly policy: Policy }) | undefined {
  for (const policy of security === undefined ? POLICIES : [security]) {
    const found = endpoints.find((one) => one.userName && one.security === `SignAndEncrypt ${policy}`);
    if (found) return { ...found, policy };
  }
  return undefined;
}

/**
 * Looks behind the login of a server whose endpoints are known. Never throws: what hinders it is printed, with what to do, and the answer is
 * undefined then. The address stays the one that was scanned: servers announce names that nobody can resolve.
 */
export async function lookInside(
  address: string,
  endpoints: readonly FoundEndpoint[],
  login: OpcuaLogin,
  print: (line: string) => void,
): Promise<FoundServer | undefined> {
  const best = bestEndpoint(endpoints, login.security);
  if (!best) {
    print(
      `  no endpoint with SignAndEncrypt, ${login.security ?? POLICIES.join(' or ')} and a user name: not asked`,
    );
    return undefined;
  }
  if (!(await login.trust(best.certificateThumbprint))) {
    print('  its certificate is not trusted: user and password were not sent');
    return undefined;
  }
  const kept = login.keepCertificate(best.certificatePem);
  const { user, password, pkiFolder } = login;
  const { policy: security } = best;
  try {
    const browsed = await browseServer(
      { endpoint: address, user, password, security, pkiFolder, serverCertificatePath: kept.path },
      login.limits ?? {},
      print,
    );
    return { ...browsed, endpoint: address, security, serverCertificatePath: kept.name };
  } catch (error) {
    const { certificateFile } = await openPki(pkiFolder);
    for (const line of loginAdvice(error, certificateFile)) print(`  ${line}`);
    return undefined;
  }
}
