import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withDeadline } from '../deadline.ts';
import { openPki } from '../opcua/pki.ts';

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

/** Asks a server for its endpoints (OPC 10000-4, 5.5.4). That needs no trust; nothing is read or written. */
export async function listEndpoints(
  endpoint: string,
  timeoutMs = 5000,
  pkiFolder = join(tmpdir(), 'commonwatt-scan-pki'),
): Promise<readonly FoundEndpoint[]> {
  const { MessageSecurityMode, OPCUAClient, UserTokenType } = await import('node-opcua');
  const pki = await openPki(pkiFolder);
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
        certificateThumbprint: createHash('sha1').update(der).digest('hex'),
        certificatePem: `-----BEGIN CERTIFICATE-----\n${base64.trimEnd()}\n-----END CERTIFICATE-----\n`,
      };
    });
  } finally {
    await withDeadline(client.disconnect(), 2000, 'disconnect').catch(() => {});
  }
}
