import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { fakeOpcua, type FakeOpcua } from '../../test/fake-opcua.ts';
import { temporaryFolder } from '../../test/homes.ts';
import { until } from '../../test/test-home.ts';
import { openConnections } from '../connect.ts';
import { APPLICATION_URI, gatewayCertificate, openPki } from './pki.ts';

const openssl = spawnSync('openssl', ['version']).status === 0;
if (!openssl) console.log('left out: no openssl here, certificates of an authority are not tried');

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const VALUES = {
  'Meter.AcActivePowerTotal': 812.5,
  'Meter.AcActiveEnergyTotalImportHp': 1000,
  'Meter.AcActiveEnergyTotalExportHp': 42,
};

function folder(): string {
  const { path, remove } = temporaryFolder();
  cleanups.push(remove);
  return path;
}

async function serve(options: Omit<Parameters<typeof fakeOpcua>[0], 'values'>): Promise<FakeOpcua> {
  const server = await fakeOpcua({ values: { ...VALUES }, ...options });
  cleanups.push(() => server.stop());
  return server;
}

/** One look with a connection of its own; `pin` names the server's certificate in the configuration. */
async function look(
  server: FakeOpcua,
  pkiFolder: string,
  pin = false,
  connectTimeoutMs = 10_000,
): Promise<number | undefined> {
  const connections = openConnections({ pkiFolder, opcua: { connectTimeoutMs } });
  try {
    const { values } = await connections
      .device({
        id: 'meter',
        role: 'grid-meter',
        protocol: 'opcua',
        endpoint: server.endpoint,
        user: 'gateway',
        password: 'secret',
        profile: 'opc34100',
        ...(pin ? { serverCertificatePath: server.certificatePath } : {}),
      })
      .read();
    return values.powerW;
  } finally {
    await connections.closeAll();
  }
}

test('an unknown server is refused and kept under rejected; moved to trusted, it is read', async () => {
  const path = folder();
  const pkiFolder = join(path, 'pki');
  const server = await serve({ folder: join(path, 'server') });
  await expect(look(server, pkiFolder)).rejects.toMatchObject({ code: 'unavailable' });
  await expect(look(server, pkiFolder)).rejects.toMatchObject({ code: 'unavailable' });
  const rejected = readdirSync(join(pkiFolder, 'rejected'));
  expect(rejected).toHaveLength(1);
  const [name = ''] = rejected;
  renameSync(join(pkiFolder, 'rejected', name), join(pkiFolder, 'trusted', 'certs', name));
  expect(await look(server, pkiFolder)).toBe(812.5);
  // And back: what is no longer trusted is refused again.
  rmSync(join(pkiFolder, 'trusted', 'certs', name));
  await expect(look(server, pkiFolder)).rejects.toMatchObject({ code: 'unavailable' });
});

test("a server's certificate that is not valid yet is refused: its clock or ours is wrong", async () => {
  const path = folder();
  const server = await serve({
    folder: join(path, 'server'),
    validFrom: new Date(Date.now() + 3 * 86_400_000),
  });
  await expect(look(server, join(path, 'pki'), true)).rejects.toThrow(
    /server certificate is not valid before/,
  );
});

test("the gateway's own certificate has expired: said, with what to do; a new one is made when it is removed", async () => {
  const path = folder();
  const pkiFolder = join(path, 'pki');
  const certificate = await gatewayCertificate(pkiFolder);
  const server = await serve({ folder: join(path, 'server') });
  expect(await look(server, pkiFolder, true)).toBe(812.5);
  rmSync(certificate);
  const { manager } = await openPki(pkiFolder);
  await manager.createSelfSignedCertificate({
    applicationUri: APPLICATION_URI,
    subject: '/CN=Commonwatt gateway',
    dns: ['localhost'],
    startDate: new Date(Date.now() - 10 * 86_400_000),
    validity: 1,
    outputFile: certificate,
  });
  await expect(look(server, pkiFolder, true)).rejects.toThrow(/gateway certificate has expired on/);
});

test('key and folder are for their owner alone, even where the folder was there before', async () => {
  const pkiFolder = join(folder(), 'pki');
  mkdirSync(pkiFolder, { mode: 0o755 });
  const { privateKeyFile } = await openPki(pkiFolder);
  expect(statSync(pkiFolder).mode & 0o777).toBe(0o700);
  expect(statSync(privateKeyFile).mode & 0o777).toBe(0o600);
});

test('a lock that a killed process left: an error within the deadline, and no lock for ever', async () => {
  const path = folder();
  const pkiFolder = join(path, 'pki');
  const server = await serve({ folder: join(path, 'server') });
  expect(await look(server, pkiFolder, true)).toBe(812.5);
  const lock = join(pkiFolder, 'mutex.lock');
  mkdirSync(lock);
  rmSync(join(pkiFolder, 'trusted', 'certs'), { recursive: true });
  mkdirSync(join(pkiFolder, 'trusted', 'certs'));
  const startedMs = performance.now();
  await expect(look(server, pkiFolder, true, 1500)).rejects.toThrow(/no answer within 1500 ms/);
  expect(performance.now() - startedMs).toBeLessThan(5000);
  // Two minutes later it is nobody's any more.
  const past = new Date(Date.now() - 121_000);
  utimesSync(lock, past, past);
  await until(() => !existsSync(lock), 'the end of the lock');
  expect(await look(server, pkiFolder, true)).toBe(812.5);
});

/** An authority, a server certificate that it issued, and its revocation list (empty, and with that certificate on it). */
function authority(path: string) {
  const run = (...args: string[]): void => void execFileSync('openssl', args, { cwd: path, stdio: 'pipe' });
  mkdirSync(path, { recursive: true });
  writeFileSync(
    join(path, 'ca.cnf'),
    `[ca]
default_ca = d
[d]
dir = .
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
default_days = 30
default_crl_days = 30
policy = p
unique_subject = no
[p]
commonName = supplied
[req]
distinguished_name = dn
[dn]
[v3_ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[v3_server]
basicConstraints = CA:false
keyUsage = digitalSignature, nonRepudiation, keyEncipherment, dataEncipherment
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = URI:urn:fake:devices, DNS:localhost, IP:127.0.0.1
`,
  );
  writeFileSync(join(path, 'index.txt'), '');
  writeFileSync(join(path, 'serial'), '01\n');
  writeFileSync(join(path, 'crlnumber'), '01\n');
  const key = ['-newkey', 'rsa:2048', '-nodes', '-config', 'ca.cnf'];
  run(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=Test authority',
    '-extensions',
    'v3_ca',
    '-days',
    '30',
  );
  run('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=Issued server');
  run(
    'ca',
    '-batch',
    '-config',
    'ca.cnf',
    '-extensions',
    'v3_server',
    '-in',
    'server.csr',
    '-out',
    'server.pem',
    '-notext',
  );
  run('ca', '-config', 'ca.cnf', '-gencrl', '-out', 'empty.crl');
  run('ca', '-config', 'ca.cnf', '-revoke', 'server.pem');
  run('ca', '-config', 'ca.cnf', '-gencrl', '-out', 'revoked.crl');
  const at = (name: string): string => join(path, name);
  return {
    certificate: readFileSync(at('ca.pem')),
    identity: { certificateFile: at('server.pem'), privateKeyFile: at('server.key') },
    empty: readFileSync(at('empty.crl')),
    revoked: readFileSync(at('revoked.crl')),
  };
}

test.skipIf(!openssl)(
  'a certificate of a trusted authority is taken, until the authority revokes it',
  async () => {
    const path = folder();
    const pkiFolder = join(path, 'pki');
    const ca = authority(join(path, 'ca'));
    const server = await serve({ folder: join(path, 'server'), identity: ca.identity });
    await gatewayCertificate(pkiFolder);
    await expect(look(server, pkiFolder)).rejects.toMatchObject({ code: 'unavailable' });
    writeFileSync(join(pkiFolder, 'issuers', 'certs', 'ca.pem'), ca.certificate);
    writeFileSync(join(pkiFolder, 'trusted', 'certs', 'ca.pem'), ca.certificate);
    writeFileSync(join(pkiFolder, 'issuers', 'crl', 'ca.crl'), ca.empty);
    for (const name of readdirSync(join(pkiFolder, 'rejected'))) rmSync(join(pkiFolder, 'rejected', name));
    expect(await look(server, pkiFolder)).toBe(812.5);
    rmSync(join(pkiFolder, 'issuers', 'crl', 'ca.crl'));
    writeFileSync(join(pkiFolder, 'issuers', 'crl', 'ca-2.crl'), ca.revoked);
    await expect(look(server, pkiFolder)).rejects.toThrow(/BadCertificateRevoked/);
  },
);
