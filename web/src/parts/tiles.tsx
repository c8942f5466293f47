import type { NeighbourhoodView } from '@commonwatt/domain';
import type { ComponentChildren } from 'preact';
import { fleetOf, limitNow, savingMicro } from '../facts.ts';
import { formatEnergy, formatMoney, formatPower, formatPrice, formatShare, formatSlot } from '../format.ts';

function Tile(props: {
  title: string;
  value: ComponentChildren;
  note: ComponentChildren;
  children?: ComponentChildren;
  tone?: string;
}) {
  return (
    <section class={`card tile ${props.tone ?? ''}`}>
      <h2>{props.title}</h2>
      <p class="value">{props.value}</p>
      {props.children}
      <p class="note">{props.note}</p>
    </section>
  );
}

const percent = (share: number): string => `${(Math.min(1, Math.max(0, share)) * 100).toFixed(1)}%`;

export function PriceTile({ view }: { view: NeighbourhoodView }) {
  const { retailMicroPerKwh: retail, feedInMicroPerKwh: feedIn, cleared } = view.market;
  const price = cleared?.priceMicroPerKwh ?? null;
  const note =
    cleared === null
      ? 'Waiting for the first slot to clear.'
      : price === null
        ? `Nobody traded at ${formatSlot(cleared.slot, view.slotMinutes)} (${cleared.bids} bids, ${cleared.offers} offers).`
        : `${formatEnergy(cleared.volumeWh)} traded for ${formatSlot(cleared.slot, view.slotMinutes)}, ${cleared.bids} bids, ${cleared.offers} offers.`;
  return (
    <Tile title="Neighbours’ price" value={formatPrice(price)} note={note}>
      <div
        class="band"
        role="img"
        aria-label={`Between feed-in ${formatPrice(feedIn)} and retail ${formatPrice(retail)}`}
      >
        {price !== null && retail > feedIn && (
          <i class="pin" style={{ left: percent((price - feedIn) / (retail - feedIn)) }} />
        )}
      </div>
      <div class="ends">
        <span>feed-in {formatPrice(feedIn)}</span>
        <span>retail {formatPrice(retail)}</span>
      </div>
    </Tile>
  );
}

export function FeederTile({ view }: { view: NeighbourhoodView }) {
  const { gridW } = view.feeder;
  const limitW = limitNow(view);
  const highest = Math.max(2000, Math.abs(gridW) * 1.15, (limitW ?? 0) * 1.25);
  const over = limitW !== null && gridW > limitW;
  return (
    <Tile
      title={gridW < 0 ? 'Feeder, feeding the grid' : 'Feeder, drawing from the grid'}
      value={formatPower(Math.abs(gridW))}
      tone={over ? 'is-over' : ''}
      note={
        limitW === null
          ? 'No import limit in force.'
          : over
            ? `${formatPower(gridW - limitW)} above the limit of ${formatPower(limitW)}.`
            : `Limit ${formatPower(limitW)}, ${formatPower(limitW - Math.max(0, gridW))} to spare.`
      }
    >
      <div class="gauge">
        <i
          class={gridW < 0 ? 'fill is-giving' : 'fill'}
          style={{ width: percent(Math.abs(gridW) / highest) }}
        />
        {limitW !== null && <i class="limit" style={{ left: percent(limitW / highest) }} />}
      </div>
    </Tile>
  );
}

export function FleetTile({ view }: { view: NeighbourhoodView }) {
  const fleet = fleetOf(view.homes);
  const { batteryW } = view.feeder;
  if (fleet.count === 0) return <Tile title="Batteries" value="–" note="No home has a battery." />;
  const doing =
    Math.abs(batteryW) < 50
      ? 'resting'
      : batteryW < 0
        ? `charging at ${formatPower(-batteryW)}`
        : `giving ${formatPower(batteryW)}`;
  return (
    <Tile
      title={`${fleet.count} batteries`}
      value={formatShare(fleet.share)}
      note={`${formatEnergy(fleet.storedWh)} of ${formatEnergy(fleet.capacityWh)}, ${doing}.`}
    >
      <div class="gauge is-battery">
        <i class="fill" style={{ width: percent(fleet.share) }} />
      </div>
    </Tile>
  );
}

export function SunTile({ view }: { view: NeighbourhoodView }) {
  const { loadW, pvW } = view.feeder;
  return (
    <Tile title="Sun on the roofs" value={formatPower(pvW)} note={`The homes use ${formatPower(loadW)}.`}>
      <div class="gauge is-sun">
        <i class="fill" style={{ width: percent(pvW / Math.max(1, pvW, loadW)) }} />
        {loadW > 0 && <i class="mark" style={{ left: percent(loadW / Math.max(1, pvW, loadW)) }} />}
      </div>
    </Tile>
  );
}

export function TotalsStrip({ view }: { view: NeighbourhoodView }) {
  const { totals } = view;
  const saving = savingMicro(totals);
  const facts: [string, string][] = [
    ['self-sufficient', totals.consumptionWh > 0 ? formatShare(totals.selfSufficiency) : '–'],
    ['traded between neighbours', formatEnergy(totals.tradedWh)],
    ['used', formatEnergy(totals.consumptionWh)],
    ['made on the roofs', formatEnergy(totals.productionWh)],
    ['saved by the neighbours', formatMoney(saving)],
    ['slots settled on chain', totals.slotsSettled.toLocaleString('en-GB')],
  ];
  return (
    <dl class="card strip">
      {facts.map(([label, value]) => (
        <div key={label}>
          <dd>{value}</dd>
          <dt>{label}</dt>
        </div>
      ))}
    </dl>
  );
}
