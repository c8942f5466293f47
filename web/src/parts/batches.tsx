import type { BatchView } from '@commonwatt/domain';
import { useState } from 'preact/hooks';
import { formatClock, formatMoney, parseMicro, shortHash } from '../format.ts';

/** A hash, shortened, with a button that copies all of it. */
export function Hash({ hash, name }: { hash: string; name: string }) {
  const [copied, setCopied] = useState<'' | 'copied' | 'not copied'>('');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(hash);
      setCopied('copied');
    } catch {
      setCopied('not copied');
    }
    setTimeout(() => setCopied(''), 1500);
  };
  return (
    <span class="hash">
      <code title={hash}>{shortHash(hash)}</code>
      <button type="button" class="quiet" onClick={() => void copy()} aria-label={`Copy ${name}`}>
        {copied === '' ? <CopyIcon /> : copied === 'copied' ? '✓' : '✗'}
      </button>
      <span class="hidden" role="status">
        {copied}
      </span>
    </span>
  );
}

function CopyIcon() {
  return (
    <svg class="copy-icon" viewBox="0 0 16 16" width="13" height="13" aria-hidden="true">
      <rect x="5.5" y="5.5" width="8" height="8.5" rx="1.5" />
      <path d="M10.5 3V2.8A1.3 1.3 0 0 0 9.2 1.5H3.8A1.3 1.3 0 0 0 2.5 2.8V9.2A1.3 1.3 0 0 0 3.5 10.5" />
    </svg>
  );
}

function slotsWords(slots: readonly string[], slotMinutes: number): string {
  const [first] = slots;
  const last = slots.at(-1);
  if (first === undefined || last === undefined) return 'none';
  const toMs = Date.parse(last) + slotMinutes * 60_000;
  return `${formatClock(Date.parse(first))}–${formatClock(toMs)}`;
}

/** Settlement batches, the newest first. */
export function Batches(props: { batches: readonly BatchView[]; slotMinutes: number; full?: boolean }) {
  const { batches, slotMinutes, full = false } = props;
  if (batches.length === 0) {
    return (
      <p class="empty">
        No batch yet. The first goes to the chain once the first period’s slots are metered.
      </p>
    );
  }
  const newest = batches.toSorted((a, b) => ((a.slots[0] ?? '') < (b.slots[0] ?? '') ? 1 : -1));
  return (
    <div class="scroll">
      <table class="batches">
        <thead>
          <tr>
            <th scope="col">Slots</th>
            <th scope="col">Status</th>
            <th scope="col" class={full ? '' : 'wide'}>
              Block
            </th>
            <th scope="col" class={full ? '' : 'wide'}>
              Payments
            </th>
            <th scope="col">Moved</th>
            <th scope="col">Root</th>
            {full && <th scope="col">Extrinsic</th>}
            {full && <th scope="col">Batch</th>}
          </tr>
        </thead>
        <tbody>
          {(full ? newest : newest.slice(0, 6)).map((batch) => (
            <tr key={batch.batchId}>
              <th scope="row">{slotsWords(batch.slots, slotMinutes)}</th>
              <td>
                <span class={`badge is-${batch.status}`}>{batch.status}</span>
              </td>
              <td class={full ? '' : 'wide'}>
                {batch.blockNumber === null ? '–' : batch.blockNumber.toLocaleString('en-GB')}
              </td>
              <td class={full ? '' : 'wide'}>{batch.payments}</td>
              <td>{formatMoney(parseMicro(batch.amountMicro))}</td>
              <td>{batch.root ? <Hash hash={batch.root} name="the batch’s root" /> : '–'}</td>
              {full && (
                <td>
                  {batch.extrinsicHash ? (
                    <Hash hash={batch.extrinsicHash} name="the extrinsic’s hash" />
                  ) : (
                    '–'
                  )}
                </td>
              )}
              {full && <td class="mono">{batch.batchId}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
