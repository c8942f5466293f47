import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommonwattError, type SlotId } from '@commonwatt/domain';
import { bundleFileName } from '../bundle/files.ts';
import type { Bundle } from '../bundle/layout.ts';
import { readBundle, type Fault } from '../bundle/read.ts';

/** A published file, with what was found about it so far. */
export interface SlotFile {
  readonly name: string;
  readonly slot: SlotId;
  readonly bundle: Bundle | null;
  readonly faults: Fault[];
  readonly holds: string[];
}

/** All bundles of a folder, in the order of their slots. Throws `not-found` when there are none. */
export function readFiles(dir: string): SlotFile[] {
  const names = readdirSync(dir)
    .filter((name) => name.endsWith('.json'))
    .sort();
  if (names.length === 0) throw new CommonwattError('not-found', `${dir} holds no bundles`, { record: dir });
  return names.map((name) => {
    // The file's name says which slot it claims to be, even when nothing in it can be read.
    const slot = name.replace(/^(\d{4}-\d\d-\d\dT\d\d)-(\d\d)-(\d\dZ)\.json$/, '$1:$2:$3');
    const { bundle, faults } = readBundle(readFileSync(join(dir, name)));
    const all = [...faults];
    if (bundle && bundleFileName(bundle.slot) !== name) {
      all.push({ record: 'header (slot)', what: `the file is named ${name} and holds ${bundle.slot}` });
    }
    return { name, slot, bundle, faults: all, holds: bundle ? ['layout'] : [] };
  });
}

export function mostCommon(values: readonly (string | undefined)[]): string {
  const counts = new Map<string, number>();
  for (const value of values) if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? '';
}
