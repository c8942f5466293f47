import type { NeighbourhoodView } from '@commonwatt/domain';
import { formatMoney, parseMicro } from '../format.ts';
import { Batches } from '../parts/batches.tsx';

export function ChainPage({ view }: { view: NeighbourhoodView }) {
  const { chain, batches, totals } = view;
  const final = batches.filter((batch) => batch.status === 'final');
  const moved = final.reduce((sum, batch) => sum + (parseMicro(batch.amountMicro) ?? 0n), 0n);
  return (
    <>
      <h1>Settled on chain</h1>
      <p class="lead">
        A batch pays several slots’ net amounts in one transaction and leaves the root of everything behind
        them on the chain. Anyone can check it from the published bundles and the chain alone:{' '}
        <code>npx commonwatt verify</code>.
      </p>
      <dl class="card strip">
        <div>
          <dd class={chain.healthy ? 'giving' : 'alarm'}>{chain.healthy ? 'answering' : 'not answering'}</dd>
          <dt>the chain’s node</dt>
        </div>
        <div>
          <dd>{chain.finalizedBlock.toLocaleString('en-GB')}</dd>
          <dt>finalised block</dt>
        </div>
        <div>
          <dd>{totals.slotsSettled.toLocaleString('en-GB')}</dd>
          <dt>slots settled</dt>
        </div>
        <div>
          <dd>{final.length.toLocaleString('en-GB')}</dd>
          <dt>final batches shown</dt>
        </div>
        <div>
          <dd>{formatMoney(moved)}</dd>
          <dt>moved by them</dt>
        </div>
      </dl>
      <section class="card">
        <h2>
          Batches<small>{chain.endpoint}</small>
        </h2>
        <Batches batches={batches} slotMinutes={view.slotMinutes} full />
      </section>
    </>
  );
}
