import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { SlotId } from '@commonwatt/domain';
import { bundleText, type Bundle } from './layout.ts';

/** `2026-06-01T12-00-00Z.json` */
export function bundleFileName(slot: SlotId): string {
  return `${slot.replaceAll(':', '-')}.json`;
}

export function bundleExists(dir: string, slot: SlotId): boolean {
  return existsSync(join(dir, bundleFileName(slot)));
}

/** Writes a bundle whole or not at all, and durably. */
export function writeBundle(dir: string, bundle: Bundle): void {
  mkdirSync(dir, { recursive: true });
  const path = join(dir, bundleFileName(bundle.slot));
  const temporary = `${path}.tmp`;
  const file = openSync(temporary, 'w');
  try {
    writeSync(file, bundleText(bundle));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  const folder = openSync(dir, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
