import type { NeighbourhoodView } from '@commonwatt/domain';
import { formatSlot } from '../format.ts';
import { lossWords } from '../facts.ts';
import { homeHref } from '../route.ts';

/** What the meter at the transformer says about the homes' meters; nothing where there is none. */
export function Losses({ view }: { view: NeighbourhoodView }) {
  const { losses } = view;
  if (losses === null) return null;
  return (
    <section class="card">
      <h2>
        Meter at the transformer
        <small>{formatSlot(losses.slot, view.slotMinutes)}</small>
      </h2>
      <p>{lossWords(losses)}</p>
      {losses.suspects.map(({ participant, text }) => (
        <p key={participant}>
          Worth a look: <a href={homeHref(participant)}>{participant}</a>
          {text.startsWith(participant) ? text.slice(participant.length) : `: ${text}`}.
        </p>
      ))}
    </section>
  );
}
