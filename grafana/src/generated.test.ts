import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { generatedFiles } from './generated.ts';
import { withGuide } from './guide.ts';

const folder = join(import.meta.dirname, '..');
const files = [...generatedFiles()];

test.each(files)('%s is what the code generates (npm run generate -w grafana)', (path, content) => {
  expect(existsSync(join(folder, path))).toBe(true);
  expect(readFileSync(join(folder, path), 'utf8')).toBe(content);
});

test('nothing is left over from a dashboard that is gone', () => {
  const committed = ['dashboards', 'provisioning'].flatMap((sub) =>
    readdirSync(join(folder, sub), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)),
  );
  expect(committed.sort()).toEqual(files.map(([path]) => path).sort());
});

test('docs/grafana.md lists every panel and measurement as they are', () => {
  const page = readFileSync(join(folder, '../docs/grafana.md'), 'utf8');
  expect(page).toBe(withGuide(page));
});
