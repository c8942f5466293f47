import type { HomeView, NeighbourhoodView } from '@commonwatt/domain';
import { useMemo } from 'preact/hooks';
import uPlot from 'uplot';
import { savingMicro } from '../facts.ts';
import { formatEnergy, formatMoney, formatPower, formatShare, parseMicro } from '../format.ts';
import { baseOptions, Chart, type Palette } from '../parts/chart.tsx';
import { Approval } from '../parts/approval.tsx';
import { HomeFlows } from '../parts/home-flows.tsx';
import { homeHref } from '../route.ts';
import type { TrailPoint } from '../trail.ts';

export function HouseholdPage({
  view,
  id,
  trail,
}: {
  view: NeighbourhoodView;
  id: string;
  trail: readonly TrailPoint[];
}) {
  const index = view.homes.findIndex((home) => home.id === id);
  const home = view.homes[index];
  if (!home) {
    return (
      <section class="card waiting">
        <h1>No home “{id}” here</h1>
        <p>
          <a href="#/">Back to the neighbourhood</a>
        </p>
      </section>
    );
  }
  const before = view.homes.at(index - 1);
  const after = view.homes[(index + 1) % view.homes.length];
  return (
    <>
      <div class="title-row">
        <h1>
          {home.id}
          <small>
            {home.devices.join(', ') || 'no devices seen yet'} over{' '}
            {home.protocol === 'modbus' ? 'Modbus' : 'OPC UA'}
          </small>
        </h1>
        <nav class="pager" aria-label="Other homes">
          {before && <a href={homeHref(before.id)}>← {before.id}</a>}
          {after && <a href={homeHref(after.id)}>{after.id} →</a>}
        </nav>
      </div>
      {home.flags.length > 0 && (
        <p class="card warning">The last reading is marked: {home.flags.join(', ')}.</p>
      )}
      <div class="now is-home">
        <section class="card map-card" aria-label="Flows now">
          <HomeFlows home={home} nowMs={view.nowMs} />
        </section>
        <div class="tiles">
          <Bill home={home} />
          <Neighbours home={home} />
          <Battery home={home} />
        </div>
      </div>
      <section class="card">
        <h2>
          Power<small>since this page was opened</small>
        </h2>
        {trail.length < 2 ? (
          <p class="empty">Drawn as it happens, from now on.</p>
        ) : (
          <PowerChart home={home} trail={trail} />
        )}
      </section>
      <Approval key={home.id} participant={home.id} />
    </>
  );
}

function Bill({ home }: { home: HomeView }) {
  const withMarket = parseMicro(home.billWithMarketMicro);
  const without = parseMicro(home.billWithoutMarketMicro);
  const saving = savingMicro(home);
  const largest = [withMarket, without].reduce<bigint>((most, amount) => {
    const size = amount === null ? 0n : amount < 0n ? -amount : amount;
    return size > most ? size : most;
  }, 1n);
  const width = (amount: bigint | null) => {
    const size = amount === null ? 0n : amount < 0n ? -amount : amount;
    return `${Number((size * 1000n) / largest) / 10}%`;
  };
  const rows: [string, bigint | null, string][] = [
    ['without', without, 'is-without'],
    ['with', withMarket, 'is-with'],
  ];
  return (
    <section class="card tile">
      <h2>{withMarket !== null && withMarket < 0n ? 'Earned so far' : 'Bill so far'}</h2>
      <p class="value">{formatMoney(withMarket !== null && withMarket < 0n ? -withMarket : withMarket)}</p>
      <div class="bars">
        {rows.map(([label, amount, tone]) => (
          <div class="bar" key={label}>
            <span>{label}</span>
            <div class="track">
              <i
                class={`${tone} ${amount !== null && amount < 0n ? 'is-earning' : ''}`}
                style={{ width: width(amount) }}
              />
            </div>
            <b>{formatMoney(amount)}</b>
          </div>
        ))}
      </div>
      <p class={saving !== null && saving > 0n ? 'note giving' : 'note'}>
        {saving === null
          ? 'Not known yet.'
          : saving >= 0n
            ? `${formatMoney(saving)} better off with the neighbours’ market.`
            : `${formatMoney(-saving)} worse off so far.`}
      </p>
    </section>
  );
}

function Neighbours({ home }: { home: HomeView }) {
  const split = (part: number, whole: number) => (whole > 0 ? Math.min(1, part / whole) : 0);
  const rows = [
    { label: 'drawn', whole: home.importWh, part: home.boughtWh, words: 'bought from neighbours' },
    { label: 'fed in', whole: home.exportWh, part: home.soldWh, words: 'sold to neighbours' },
  ];
  return (
    <section class="card tile">
      <h2>With the neighbours</h2>
      {rows.map((row) => (
        <div class="split" key={row.label}>
          <p>
            <b>{formatEnergy(row.part)}</b> {row.words}
          </p>
          <div class="track">
            <i
              class="is-local"
              style={{ width: formatShare(split(row.part, row.whole)).replace(/\s/g, '') }}
            />
          </div>
          <p class="note">
            of {formatEnergy(row.whole)} {row.label}
          </p>
        </div>
      ))}
      <p class="note">
        Used {formatEnergy(home.consumptionWh)}
        {home.hasPv ? `, made ${formatEnergy(home.productionWh)}` : ''}.
      </p>
    </section>
  );
}

function Battery({ home }: { home: HomeView }) {
  const { battery, batteryW } = home;
  if (!battery) {
    return (
      <section class="card tile">
        <h2>Battery</h2>
        <p class="empty">This home has none.</p>
      </section>
    );
  }
  const share = battery.stateOfChargePermille / 1000;
  const doing =
    Math.abs(batteryW) < 20
      ? 'resting'
      : batteryW < 0
        ? `charging at ${formatPower(-batteryW)}`
        : `giving ${formatPower(batteryW)}`;
  return (
    <section class="card tile">
      <h2>Battery</h2>
      <p class="value">{formatShare(share)}</p>
      <div class="gauge is-battery">
        <i class="fill" style={{ width: `${share * 100}%` }} />
      </div>
      <p class="note">
        {formatEnergy(battery.capacityWh * share)} of {formatEnergy(battery.capacityWh)}, {doing}.
      </p>
    </section>
  );
}

function PowerChart({ home, trail }: { home: HomeView; trail: readonly TrailPoint[] }) {
  const last = trail.at(-1)?.atMs;
  const data = useMemo(() => {
    const column = (pick: (point: TrailPoint) => number) => trail.map((point) => pick(point) / 1000);
    const columns: number[][] = [
      trail.map((point) => point.atMs / 1000),
      column((p) => p.gridW),
      column((p) => p.loadW),
    ];
    if (home.hasPv) columns.push(column((p) => p.pvW));
    if (home.battery) columns.push(column((p) => p.batteryW));
    return columns as uPlot.AlignedData;
  }, [last, home.id, home.hasPv, home.battery !== null]);
  const build = (palette: Palette): Omit<uPlot.Options, 'width' | 'height'> => {
    const line = (label: string, colour: string, fill = false): uPlot.Series => ({
      label,
      stroke: palette(colour),
      ...(fill ? { fill: palette(`${colour}-wash`) } : {}),
      width: 2,
      points: { show: false },
      value: (_, raw) => (raw === null ? '–' : `${raw.toFixed(2)} kW`),
    });
    const series = [{ label: 'Time', value: '{HH}:{mm}' }, line('Grid', 'grid', true), line('Used', 'ink')];
    if (home.hasPv) series.push(line('Sun', 'sun'));
    if (home.battery) series.push(line('Battery', 'battery'));
    return { ...baseOptions(palette, 'kW'), series };
  };
  return <Chart key={home.id} label={`Power of ${home.id} in kW`} data={data} build={build} height={230} />;
}
