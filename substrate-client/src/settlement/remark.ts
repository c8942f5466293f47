import { isId, SLOT_PATTERN, slotStartMs, type SlotId } from '@commonwatt/domain';

/** What a batch says of itself on chain. The root is 64 hex digits. */
export interface BatchRemark {
  readonly community: string;
  readonly batchId: string;
  readonly firstSlot: SlotId;
  readonly slotCount: number;
  readonly root: string;
}

const PREFIX = 'commonwatt:1:';
// Slots and community ids may hold colons, batch ids do not, so there is one way to read a remark.
const PATTERN =
  /^commonwatt:1:(.{1,64}):([A-Za-z0-9._-]{1,64}):(\d{4}-\d\d-\d\dT\d\d:\d\d:00Z):([1-9]\d{0,5}):([0-9a-f]{64})$/;

/** `commonwatt:1:<community>:<batch id>:<first slot>:<slot count>:<root>` */
export function formatRemark(remark: BatchRemark): string {
  const { community, batchId, firstSlot, slotCount, root } = remark;
  return `${PREFIX}${community}:${batchId}:${firstSlot}:${slotCount}:${root}`;
}

/** Null for a remark that is not exactly of this form. */
export function parseRemark(text: string): BatchRemark | null {
  const match = PATTERN.exec(text);
  if (!match) return null;
  const [, community, batchId, firstSlot, slotCount, root] = match as unknown as [string, ...string[]];
  if (!isId(community) || !isSlot(firstSlot!)) return null;
  return { community, batchId: batchId!, firstSlot: firstSlot!, slotCount: Number(slotCount), root: root! };
}

/** Deterministic: named after its first slot, so the same slots always give the same id. */
export function batchIdOf(firstSlot: SlotId): string {
  return `b-${firstSlot.replaceAll(/[-:]/g, '').replace('00Z', 'Z')}`;
}

function isSlot(text: string): boolean {
  if (!SLOT_PATTERN.test(text)) return false;
  try {
    slotStartMs(text);
    return true;
  } catch {
    return false;
  }
}
