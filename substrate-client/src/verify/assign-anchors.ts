import { slotAfter, type SlotId } from '@commonwatt/domain';
import type { Bundle } from '../bundle/layout.ts';
import type { Fault } from '../bundle/read.ts';
import { batchRoot } from '../bundle/roots.ts';
import type { Anchor } from './anchors.ts';
import type { SlotFile } from './slot-files.ts';

/** Which batch settled which slot, from the chain and the records it commits to; each slot in one batch, no batch twice. */
export function assignAnchors(
  anchors: readonly Anchor[],
  files: readonly SlotFile[],
  faults: Fault[],
): Map<SlotId, Anchor> {
  const assigned = new Map<SlotId, Anchor>();
  const ids = new Set<string>();
  const present = new Set(files.map(({ slot }) => slot));
  for (const anchor of anchors) {
    if (ids.has(anchor.batchId))
      faults.push({ record: `batch ${anchor.batchId}`, what: 'is on the chain twice' });
    ids.add(anchor.batchId);
    const slots = slotsOfAnchor(anchor, files);
    if (slots === null) {
      faults.push({
        record: `batch ${anchor.batchId}`,
        what: `no bundle holds the settlement record that the chain commits to (${anchor.slotCount} slots from ${anchor.firstSlot})`,
      });
    }
    for (const slot of slots ?? guessedSlots(anchor, files)) {
      if (assigned.has(slot)) faults.push({ record: `slot ${slot}`, what: 'is in two batches on the chain' });
      assigned.set(slot, anchor);
      if (!present.has(slot)) {
        faults.push({
          record: `slot ${slot}`,
          what: `batch ${anchor.batchId} settled it, and its bundle is missing`,
        });
      }
    }
  }
  return assigned;
}

/** Slots of the settlement record with the anchored root, from any bundle that has it unchanged. */
function slotsOfAnchor(anchor: Anchor, files: readonly SlotFile[]): SlotId[] | null {
  const good = files.find(({ bundle }) => bundle !== null && isAnchored(bundle, anchor));
  if (!good?.bundle) return null;
  const slots = good.bundle.settlement.slots.map(({ slot }) => slot);
  return slots.length === anchor.slotCount && slots[0] === anchor.firstSlot ? slots : null;
}

export function isAnchored(bundle: Bundle, anchor: Anchor): boolean {
  try {
    return bundle.settlement.batchId === anchor.batchId && batchRoot(bundle.settlement) === anchor.root;
  } catch {
    // A settlement record of another shape has no root.
    return false;
  }
}

/** When no intact record is left: the remark's first slot and count, in the spacing that the files have. */
function guessedSlots(anchor: Anchor, files: readonly SlotFile[]): SlotId[] {
  for (const minutes of [15, 30, 60] as const) {
    const slots = Array.from({ length: anchor.slotCount }, (_, index) =>
      slotAfter(anchor.firstSlot, minutes, index),
    );
    if (slots.every((slot) => files.some((file) => file.slot === slot))) return slots;
  }
  return [anchor.firstSlot];
}
