import { createHash, X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { CommonwattError } from '@commonwatt/domain';
import type { OPCUACertificateManager } from 'node-opcua';

/** The client's own key and certificate and the servers it trusts; one per folder and process, whoever asks. */
export interface Pki {
  readonly manager: OPCUACertificateManager;
  readonly certificateFile: string;
  readonly privateKeyFile: string;
  /** The client's own certificate, DER. */
  ownCertificate(): Buffer;
  /** Trusts a server's certificate, PEM or DER, once, and gives its DER bytes. Throws CommonwattError `not-found` or `malformed`. */
  trust(certificatePath: string): Promise<Buffer>;
}

export const APPLICATION_URI = `urn:commonwatt:gateway`;
/** Certificates that people move between these folders, and revocation lists, count from the next connect on. */
const LISTS = ['trusted/certs', 'trusted/crl', 'issuers/certs', 'issuers/crl', 'rejected'];
const opened = new Map<string, { readonly pki: Promise<Pki>; lists: string }>();

/**
 * Opens the folder, and makes the key and a self-signed certificate the first time (about a second of computing). Unknown servers'
 * certificates are kept in `rejected`; moved to `trusted/certs` they count. What was opened once is used again while the lists stay as
 * they are: the library reads them at the start only, and reading again under a connection in progress would reject it.
 */
export async function openPki(folder: string): Promise<Pki> {
  const rootFolder = resolve(folder);
  const lists = listsOf(rootFolder);
  const before = opened.get(rootFolder);
  if (before?.lists === lists) return before.pki;
  const pki = create(rootFolder);
  const entry = { pki, lists };
  opened.set(rootFolder, entry);
  try {
    await pki;
    entry.lists = listsOf(rootFolder);
    return await pki;
  } catch (error) {
    if (opened.get(rootFolder) === entry) opened.delete(rootFolder);
    throw error;
  }
}

function listsOf(rootFolder: string): string {
  return LISTS.map((list) => statSync(join(rootFolder, list), { throwIfNoEntry: false })?.mtimeMs).join();
}

/** Path of the gateway's own certificate (PEM) in this folder, made if it is not there: give it to servers so that they trust it. */
export async function gatewayCertificate(folder: string): Promise<string> {
  return (await openPki(folder)).certificateFile;
}

async function create(rootFolder: string): Promise<Pki> {
  // Loaded when the first OPC-UA device is there: the library takes 100 MB.
  const { OPCUACertificateManager, setErrorLogger, setWarningLogger } = await import('node-opcua');
  // The library prints pages to stdout for every refused certificate; what matters is in the errors that the gateway logs.
  if (!/opcua/i.test(process.env['NODE_DEBUG'] ?? '')) {
    setErrorLogger(() => {});
    setWarningLogger(() => {});
  }
  mkdirSync(rootFolder, { recursive: true, mode: 0o700 });
  // It may have been there before, open to all: it holds a private key.
  chmodSync(rootFolder, 0o700);
  const manager = new OPCUACertificateManager({
    rootFolder,
    // The trust list decides: an unknown server is refused.
    automaticallyAcceptUnknownCertificate: false,
    disableFileWatchers: true,
    keySize: 2048,
  });
  await manager.initialize();
  const certificateFile = join(rootFolder, 'own', 'certs', 'client_certificate.pem');
  const privateKeyFile = manager.privateKey;
  if (!existsSync(certificateFile)) {
    await manager.createSelfSignedCertificate({
      applicationUri: APPLICATION_URI,
      subject: '/CN=Commonwatt gateway/O=Commonwatt',
      dns: [hostname()],
      startDate: new Date(Date.now() - 86_400_000),
      validity: 365 * 10,
      outputFile: certificateFile,
    });
  }
  chmodSync(privateKeyFile, 0o600);
  const trusted = new Map<string, Promise<Buffer>>();
  return {
    manager,
    certificateFile,
    privateKeyFile,
    ownCertificate: () => derOf(readFileSync(certificateFile), certificateFile),
    trust(certificatePath) {
      let done = trusted.get(certificatePath);
      if (!done) {
        done = trustFile(manager, certificatePath).catch((error: unknown) => {
          trusted.delete(certificatePath);
          throw error;
        });
        trusted.set(certificatePath, done);
      }
      return done;
    },
  };
}

async function trustFile(manager: OPCUACertificateManager, path: string): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    throw new CommonwattError('not-found', `there is no server certificate at ${path}`, {
      field: 'serverCertificatePath',
      remedy: 'copy the server certificate (PEM or DER) there',
    });
  }
  const der = derOf(bytes, path);
  await manager.trustCertificate(der);
  return der;
}

/** A certificate's DER bytes from PEM or DER. */
export function derOf(bytes: Buffer, path: string): Buffer {
  if (bytes[0] === 0x30) return bytes;
  const body = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/.exec(
    bytes.toString('latin1'),
  )?.[1];
  if (body === undefined) {
    throw new CommonwattError('malformed', `${path} holds no certificate`, {
      field: 'serverCertificatePath',
    });
  }
  return Buffer.from(body, 'base64');
}

/** Throws CommonwattError `unavailable` for a certificate outside its time: the library lets trusted ones pass whatever their date. */
export function checkValidity(der: Buffer, nowMs: number, whose: 'server' | 'gateway'): void {
  const { validFromDate, validToDate } = new X509Certificate(der);
  if (nowMs >= validFromDate.getTime() && nowMs <= validToDate.getTime()) return;
  const early = nowMs < validFromDate.getTime();
  const when = early ? 'is not valid before' : 'has expired on';
  const date = (early ? validFromDate : validToDate).toISOString().slice(0, 10);
  throw new CommonwattError('unavailable', `the ${whose} certificate ${when} ${date}`, {
    field: whose === 'server' ? 'serverCertificatePath' : 'own/certs/client_certificate.pem',
    remedy:
      whose === 'server'
        ? 'renew it in the device, and check the clocks of device and gateway'
        : 'remove it, start again, and let the servers trust the new one; check the clock of the gateway',
  });
}

/** SHA-1 of a certificate in hex, as devices and tools show it. */
export function thumbprintOf(der: Buffer): string {
  return createHash('sha1').update(der).digest('hex');
}
