// Set-up for `npm start` and `npm test` on a machine that has Node 20 or later and nothing else.
// Plain JavaScript without dependencies: it runs before anything is installed, on whatever Node there is.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installOpen62541 } from './open62541.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const pinnedNode = join(root, 'node_modules/.bin/node');
const installedMark = join(root, 'node_modules/.commonwatt-installed');
const say = (text) => console.log(`[set-up] ${text}`);

/** Runs a command, says every few seconds that it still runs, and gives its output only when it fails. */
async function run(what, command, args, options = {}) {
  const startedMs = Date.now();
  say(`${what} ...`);
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const output = [];
  child.stdout.on('data', (data) => output.push(data));
  child.stderr.on('data', (data) => output.push(data));
  const timer = setInterval(
    () => say(`${what}: ${Math.round((Date.now() - startedMs) / 1000)} s so far`),
    5000,
  );
  const code = await new Promise((resolve) => {
    child.on('error', (error) => {
      output.push(Buffer.from(`${error.message}\n`));
      resolve(1);
    });
    child.on('close', resolve);
  });
  clearInterval(timer);
  if (code === 0) say(`${what}: done in ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
  return { ok: code === 0, output: Buffer.concat(output).toString() };
}

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
}

async function installPackages() {
  const wanted = lockHash();
  if (existsSync(pinnedNode) && existsSync(installedMark) && readFileSync(installedMark, 'utf8') === wanted)
    return;
  const npm = process.env.npm_execpath;
  const [command, args] = npm ? [process.execPath, [npm]] : ['npm', []];
  const result = await run('installing packages', command, [...args, 'ci', '--no-audit', '--no-fund']);
  if (!result.ok) {
    console.error(result.output.split('\n').slice(-30).join('\n'));
    throw new Error('npm ci failed; see its output above. Is a package registry within reach?');
  }
  const version = spawnSync(pinnedNode, ['--version'], { encoding: 'utf8' });
  if (version.status !== 0) {
    throw new Error(
      'the pinned Node did not install; are install scripts blocked? The package `node` needs its own.',
    );
  }
  writeFileSync(installedMark, wanted);
  say(`Node ${version.stdout.trim()} is pinned for this project`);
}

function newestMs(path) {
  if (!existsSync(path)) return 0;
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newestMs(join(path, name))));
}

async function buildPages() {
  const built = newestMs(join(root, 'web/dist/index.html'));
  const sources = Math.max(
    ...['src', 'index.html', 'vite.config.ts'].map((name) => newestMs(join(root, 'web', name))),
  );
  if (built > sources || sources === 0) return;
  const vite = join(root, 'node_modules/vite/bin/vite.js');
  const result = await run('building the pages', pinnedNode, [vite, 'build'], { cwd: join(root, 'web') });
  if (!result.ok) throw new Error(`the pages did not build:\n${result.output}`);
}

/** Real servers and peers for the tests; each test says by itself when it is left out. */
const PEERS = [
  {
    program: '/usr/bin/influxd',
    packages: ['influxdb', 'influxdb-client'],
    forWhat: 'the telemetry tests (InfluxDB)',
  },
  { program: '/usr/bin/chromium', packages: ['chromium'], forWhat: 'the page tests (Chromium)' },
  {
    program: '/usr/lib/python3/dist-packages/pymodbus/__init__.py',
    packages: ['python3-pymodbus', 'python3-serial', 'python3-serial-asyncio'],
    forWhat: 'the Modbus tests against pymodbus',
  },
  { program: '/usr/bin/mbpoll', packages: ['mbpoll'], forWhat: 'the Modbus tests against mbpoll' },
  { program: '/usr/bin/socat', packages: ['socat'], forWhat: 'the serial-line tests (socat)' },
  { program: '/usr/bin/cc', packages: ['gcc', 'libc6-dev'], forWhat: 'the OPC-UA tests against open62541' },
];

async function installPeers() {
  const missing = () => PEERS.filter((peer) => !existsSync(peer.program));
  if (missing().length === 0) return;
  const isRoot = process.getuid?.() === 0;
  if (isRoot && existsSync('/usr/bin/apt-get')) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await run('updating the list of packages', 'apt-get', ['update', '-qq'], { env });
    for (const peer of missing()) {
      const args = ['install', '-y', '-qq', '--no-install-recommends', ...peer.packages];
      await run(`installing ${peer.packages.join(', ')}`, 'apt-get', args, { env });
    }
  }
  for (const peer of missing()) {
    const why = isRoot ? 'it could not be installed with apt' : 'only root may install it with apt';
    say(`left out: ${peer.forWhat}, because ${peer.program} is missing and ${why}`);
  }
}

try {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20) throw new Error(`Node 20 or later is needed to begin with, this is ${process.version}`);
  await installPackages();
  await buildPages();
  if (process.argv.includes('--test')) {
    await installPeers();
    const why = await installOpen62541(root, run);
    if (why !== undefined) say(`left out: the OPC-UA tests against open62541: ${why}`);
  }
} catch (error) {
  console.error(`[set-up] ${error.message}`);
  process.exitCode = 1;
}
