// `npm test`: format, lint (with the dependency-direction rule), types, then every test. One failure fails the whole.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const bin = (name) => join('node_modules/.bin', name);
const passedOn = process.argv.slice(2);

function step(what, command, args) {
  const startedMs = Date.now();
  console.log(`\n== ${what}`);
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  console.log(
    `== ${what}: ${status === 0 ? 'good' : 'FAILED'} (${((Date.now() - startedMs) / 1000).toFixed(1)} s)`,
  );
  return status === 0;
}

const folder = mkdtempSync(join(tmpdir(), 'commonwatt-test-'));
const report = join(folder, 'report.json');
const good = [
  step('format', bin('prettier'), ['--check', '--log-level', 'warn', '.']),
  step('lint and dependency direction', bin('oxlint'), ['--deny-warnings']),
  step('types', bin('tsc'), []),
  step('tests', bin('vitest'), [
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...passedOn,
  ]),
];
let counts = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0 };
try {
  counts = JSON.parse(readFileSync(report, 'utf8'));
} catch {
  good.push(false);
}
rmSync(folder, { recursive: true, force: true });
console.log(
  `${counts.numPassedTests} passed, ${counts.numFailedTests} failed, ${counts.numPendingTests} skipped`,
);
process.exitCode = good.every(Boolean) && counts.numPassedTests > 0 ? 0 : 1;
