import type { NeighbourhoodView, SignalView } from '@commonwatt/domain';
import { signalWords } from '../facts.ts';
import { formatClock, formatPower } from '../format.ts';

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
            <Signal key={signal.id} signal={signal} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Signal({ signal }: { signal: SignalView }) {
  const { limitW, importWithW: withW, importWithoutW: withoutW } = signal;
  const highest = Math.max(limitW, withW ?? 0, withoutW ?? 0, 1) * 1.08;
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
                <i class={tone} style={{ width: `${Math.max(0, ((powerW ?? 0) / highest) * 100)}%` }} />
                <i
                  class="limit"
                  style={{ left: `${(limitW / highest) * 100}%` }}
                  title={`asked ${formatPower(limitW)}`}
                />
              </div>
              <b>{formatPower(powerW)}</b>
            </div>
          ))}
        </div>
      )}
    </li>
  );
}
