import type { ChainHealthView, NeighbourhoodView } from '@commonwatt/domain';
import { formatMoney, parseMicro, shortAmount } from '../format.ts';
import { Batches } from '../parts/batches.tsx';

const TEN_YEARS_DAYS = 3653;

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
      {chain.health && <Health health={chain.health} />}
      <section class="card">
        <h2>
          Batches<small>{chain.endpoint}</small>
        </h2>
        <Batches batches={batches} slotMinutes={view.slotMinutes} full />
      </section>
    </>
  );
}

/** What an operator watches before it becomes trouble. */
function Health({ health }: { health: ChainHealthView }) {
  const amount = (value: string | null) => (value === null ? 'not known yet' : shortAmount(value));
  const days = (value: number | null) =>
    value === null
      ? 'not known yet'
      : value > TEN_YEARS_DAYS
        ? 'over ten years'
        : `${value.toLocaleString('en-GB')} days`;
  const rows: [string, string][] = [
    [
      'batches on their way',
      `${health.batchesPending}${health.pendingS > 0 ? `, the oldest for ${health.pendingS} s` : ''}`,
    ],
    ['blocks not final yet', health.finalityLagBlocks.toLocaleString('en-GB')],
    ['for fees', amount(health.funds)],
    ['fees so far', amount(health.fees)],
    ['fees last for', days(health.feeDays)],
    ['approvals last for', days(health.approvalDays)],
  ];
  return (
    <section class="card" aria-label="Health of settlement">
      {health.alarms.map(({ rule, said, remedy }) => (
        <p class="alarm" role="alert" key={rule}>
          {said}: {remedy}.
        </p>
      ))}
      <dl class="strip">
        {rows.map(([label, value]) => (
          <div key={label}>
            <dd>{value}</dd>
            <dt>{label}</dt>
          </div>
        ))}
      </dl>
    </section>
  );
}
