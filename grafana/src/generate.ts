import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generatedFiles } from './generated.ts';
import { withGuide } from './guide.ts';

const folder = join(import.meta.dirname, '..');
for (const [path, content] of generatedFiles()) {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
  console.log(`wrote grafana/${path}`);
}

const guide = join(folder, '../docs/grafana.md');
writeFileSync(guide, withGuide(readFileSync(guide, 'utf8')));
console.log('wrote the lists in docs/grafana.md');
