// The open62541 library for the tests of `npm test`: Debian packages it from trixie on, and its build links on bookworm too.
// Nothing of the system is changed: apt reads a list of its own, and the packages are unpacked into node_modules/.cache.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const PACKAGES = ['libopen62541-1.4', 'libopen62541-1.4-dev', 'libmbedcrypto16', 'libmbedx509-7'];

/** Where the library is unpacked: `usr/include` and `usr/lib/*` below it. */
export function open62541Folder(root) {
  return join(root, 'node_modules/.cache/open62541');
}

/** Fetches and unpacks the library unless it is there. `run(what, command, args)` runs a command; the answer is why it failed, or undefined. */
export async function installOpen62541(root, run) {
  const folder = open62541Folder(root);
  if (existsSync(join(folder, 'usr/include/open62541/server.h'))) return undefined;
  const archive = debianArchive();
  if (!existsSync('/usr/bin/apt-get') || !existsSync(KEYRING) || archive === undefined)
    return 'this is no Debian system';
  const work = join(folder, 'apt');
  for (const sub of ['lists/partial', 'cache/archives/partial'])
    mkdirSync(join(work, sub), { recursive: true });
  try {
    writeFileSync(join(work, 'trixie.list'), `deb [signed-by=${KEYRING}] ${archive} trixie main\n`);
    const options = [
      `Dir::Etc::SourceList=${join(work, 'trixie.list')}`,
      'Dir::Etc::SourceParts=/dev/null',
      `Dir::State::lists=${join(work, 'lists')}`,
      `Dir::Cache=${join(work, 'cache')}`,
      'APT::Sandbox::User=root',
      'Acquire::http::Timeout=20',
    ].flatMap((option) => ['-o', option]);
    const steps = [
      ['reading what Debian trixie has', 'apt-get', [...options, 'update', '-qq']],
      ['fetching open62541', 'apt-get', [...options, 'download', '-qq', ...PACKAGES]],
    ];
    for (const [what, command, args] of steps) {
      const { ok, output } = await run(what, command, args, { cwd: work });
      if (!ok) return output.trim().split('\n').at(-1) || `${what} failed`;
    }
    for (const file of readdirSync(work).filter((name) => name.endsWith('.deb'))) {
      const { ok } = await run(`unpacking ${file.split('_')[0]}`, 'dpkg', ['-x', join(work, file), folder]);
      if (!ok) return `${file} does not unpack`;
    }
    return undefined;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The Debian archive that this machine's own apt reads, undefined when there is none: `URIs: <archive>/debian` or `deb <archive>/debian ...`. */
function debianArchive() {
  const folder = '/etc/apt/sources.list.d';
  const files = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  for (const file of ['/etc/apt/sources.list', ...files].filter((name) => existsSync(name))) {
    const archive = /^(?:URIs:|deb)\s[^#\n]*?(https?:\/\/\S+\/debian)\/?(?:\s|$)/m.exec(
      readFileSync(file, 'utf8'),
    );
    if (archive) return archive[1];
  }
  return undefined;
}
