import type { NeighbourhoodView, SignalView } from '@commonwatt/domain';
import { highestSlot, signalWords } from '../facts.ts';
import { formatClock, formatPower, formatSlot } from '../format.ts';

/** What the grid operator asked for, what would have been drawn without it, and what was. */
export function Signals({ view }: { view: NeighbourhoodView }) {
  const signals = view.signals.toSorted((a, b) => b.fromMs - a.fromMs);
  return (
    <section class="card">
      <h2>Demand signals</h2>
      {signals.length === 0 ? (
        <p class="empty">
          The grid operator has asked for nothing yet. When it does, the batteries’ answer shows here.
        </p>
      ) : (
        <ul class="signals">
          {signals.slice(0, 4).map((signal) => (
            <Signal key={signal.id} view={view} signal={signal} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Signal({ view, signal }: { view: NeighbourhoodView; signal: SignalView }) {
  const highest = highestSlot(view, signal);
  const { limitW, importWithW: withW, importWithoutW: withoutW } = signal;
  const scaleW = Math.max(limitW, withW ?? 0, withoutW ?? 0, 1) * 1.08;
  const rows: [string, number | null, string][] = [
    ['without', withoutW, 'is-without'],
    ['with', withW, withW !== null && withW > limitW ? 'is-with is-over' : 'is-with'],
  ];
  return (
    <li>
      <p class="signal-head">
        <strong>
          Import below {formatPower(limitW)}, {formatClock(signal.fromMs)}–{formatClock(signal.toMs)}
        </strong>
        <span class={`badge is-${signal.state}`}>{signalWords(signal)}</span>
      </p>
      {withW === null && withoutW === null ? (
        <p class="note">
          {signal.state === 'over' ? 'Not measured.' : 'The effect shows once its slots are metered.'}
        </p>
      ) : (
        <div class="bars">
          {rows.map(([label, powerW, tone]) => (
            <div class="bar" key={label}>
              <span>{label}</span>
              <div class="track">
                <i class={tone} style={{ width: `${Math.max(0, ((powerW ?? 0) / scaleW) * 100)}%` }} />
                <i
                  class="limit"
                  style={{ left: `${(limitW / scaleW) * 100}%` }}
                  title={`asked ${formatPower(limitW)}`}
                />
              </div>
              <b>{formatPower(powerW)}</b>
            </div>
          ))}
        </div>
      )}
      {highest && (
        <p class={highest.importW > limitW ? 'note alarm' : 'note'}>
          Highest slot {formatSlot(highest.slot.slot, view.slotMinutes)}: {formatPower(highest.importW)}
          {highest.importW > limitW
            ? `, ${formatPower(highest.importW - limitW)} above the limit.`
            : ', within the limit.'}
        </p>
      )}
    </li>
  );
}
