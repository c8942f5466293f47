import { expect, test } from 'vitest';
import { toYaml } from './yaml.ts';

test('lists of mappings, nested, and what must be quoted', () => {
  const text = toYaml({
    version: 1,
    items: [
      { name: 'a b', on: true, path: '$HOME', params: [90] },
      { name: 'yes', empty: [], note: "it's" },
    ],
  });
  expect(text).toBe(
    [
      'version: 1',
      'items:',
      '  - name: a b',
      '    on: true',
      "    path: '$HOME'",
      '    params:',
      '      - 90',
      "  - name: 'yes'",
      '    empty: []',
      '    note: "it\'s"',
      '',
    ].join('\n'),
  );
});
