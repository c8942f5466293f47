import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** domain <- every sibling <- app; siblings never import each other. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  domain: [],
  'meter-gateway': ['domain'],
  forecasts: ['domain'],
  'home-agent': ['domain'],
  'market-engine': ['domain'],
  'substrate-client': ['domain'],
  grafana: ['domain'],
  web: ['domain'],
  app: [
    'domain',
    'meter-gateway',
    'forecasts',
    'home-agent',
    'market-engine',
    'substrate-client',
    'grafana',
    'web',
  ],
};

const IMPORT =
  /(?:^|[\s;])(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|\bimport\s*\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)\s*import\s*['"]([^'"]+)['"]/g;

function sourcesOf(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter(
      (name) =>
        /\.tsx?$/.test(name) && !name.split(sep).some((part) => part === 'node_modules' || part === 'dist'),
    )
    .map((name) => join(ROOT, folder, name));
}

/** The folder of the house that an import leads to; null for packages from elsewhere. */
function folderImported(file: string, specifier: string): string | null {
  const own = /^@commonwatt\/([^/]+)/.exec(specifier);
  if (own) return own[1] as string;
  if (!specifier.startsWith('.')) return null;
  return relative(ROOT, resolve(dirname(file), specifier)).split(sep)[0] as string;
}

function importsOf(text: string): string[] {
  return [...text.matchAll(IMPORT)].map((match) => (match[1] ?? match[2] ?? match[3]) as string);
}

describe('the house', () => {
  it('sees every form of import', () => {
    const text =
      "import a from 'a';\nimport { b,\n c } from \"b\";\nexport * from './c.ts';\nimport './d.ts';\nawait import('e');\nimport type { F } from 'f';";
    expect(importsOf(text)).toEqual(['a', 'b', './c.ts', './d.ts', 'e', 'f']);
  });

  it.each(Object.keys(MAY_IMPORT))('%s imports only what it may', (folder) => {
    const files = sourcesOf(folder);
    expect(files.length).toBeGreaterThan(0);
    const wrong: string[] = [];
    for (const file of files) {
      for (const specifier of importsOf(readFileSync(file, 'utf8'))) {
        const to = folderImported(file, specifier);
        if (to === null || to === folder || MAY_IMPORT[folder]?.includes(to)) continue;
        wrong.push(`${relative(ROOT, file)} imports ${specifier}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});
