import type { HomeView } from '@commonwatt/domain';
import { useState } from 'preact/hooks';
import { savingMicro } from '../facts.ts';
import { formatEnergy, formatMoney, formatPower, parseMicro } from '../format.ts';
import { homeHref } from '../route.ts';

interface Column {
  readonly key: string;
  readonly label: string;
  /** Left out on narrow screens. */
  readonly wide?: boolean;
  readonly sortBy: (home: HomeView) => number | bigint | string;
  readonly show: (home: HomeView) => string;
  readonly tone?: (home: HomeView) => string;
}

const money = (text: string): string => formatMoney(parseMicro(text));

const COLUMNS: readonly Column[] = [
  {
    key: 'now',
    label: 'Now',
    sortBy: (h) => h.gridW,
    show: (h) => formatPower(h.gridW, true),
    tone: (h) => (h.gridW < 0 ? 'giving' : ''),
  },
  {
    key: 'sun',
    label: 'Sun',
    wide: true,
    sortBy: (h) => h.pvW,
    show: (h) => (h.hasPv ? formatPower(h.pvW) : ''),
  },
  {
    key: 'battery',
    label: 'Battery',
    wide: true,
    sortBy: (h) => h.battery?.stateOfChargePermille ?? -1,
    show: (h) => (h.battery ? `${Math.round(h.battery.stateOfChargePermille / 10)} %` : ''),
  },
  {
    key: 'used',
    label: 'Used',
    wide: true,
    sortBy: (h) => h.consumptionWh,
    show: (h) => formatEnergy(h.consumptionWh),
  },
  {
    key: 'made',
    label: 'Made',
    wide: true,
    sortBy: (h) => h.productionWh,
    show: (h) => (h.hasPv ? formatEnergy(h.productionWh) : ''),
  },
  {
    key: 'bought',
    label: 'Bought',
    wide: true,
    sortBy: (h) => h.boughtWh,
    show: (h) => formatEnergy(h.boughtWh),
  },
  { key: 'sold', label: 'Sold', wide: true, sortBy: (h) => h.soldWh, show: (h) => formatEnergy(h.soldWh) },
  {
    key: 'bill',
    label: 'Bill',
    sortBy: (h) => parseMicro(h.billWithMarketMicro) ?? 0n,
    show: (h) => money(h.billWithMarketMicro),
  },
  {
    key: 'saving',
    label: 'Saved',
    sortBy: (h) => savingMicro(h) ?? 0n,
    show: (h) => formatMoney(savingMicro(h), { plus: true }),
    tone: (h) => ((savingMicro(h) ?? 0n) > 0n ? 'giving' : ''),
  },
];

/** `home-100` after `home-99`. */
const byNumber = new Intl.Collator('en', { numeric: true });

const HOME: Column = { key: 'home', label: 'Home', sortBy: (h) => h.id, show: (h) => h.id };

/** Each home's energy and money; a column's head sorts by it. */
export function HomesTable({ homes }: { homes: readonly HomeView[] }) {
  const [sort, setSort] = useState({ key: 'home', down: false });
  const column = [HOME, ...COLUMNS].find((c) => c.key === sort.key) ?? HOME;
  const rows = homes.toSorted((a, b) => {
    const [x, y] = [column.sortBy(a), column.sortBy(b)];
    const byId = byNumber.compare(a.id, b.id);
    const order = column === HOME ? byId : x < y ? -1 : x > y ? 1 : byId;
    return sort.down ? -order : order;
  });
  const head = (c: Column) => {
    const sorted = sort.key === c.key;
    return (
      <th
        key={c.key}
        class={c.wide ? 'wide' : ''}
        scope="col"
        aria-sort={sorted ? (sort.down ? 'descending' : 'ascending') : undefined}
      >
        <button
          type="button"
          onClick={() => setSort({ key: c.key, down: sorted ? !sort.down : c.key !== 'home' })}
        >
          {c.label}
          <span aria-hidden="true">{sorted ? (sort.down ? ' ↓' : ' ↑') : ''}</span>
        </button>
      </th>
    );
  };
  return (
    <section class="card">
      <h2>
        Homes<small>bought and sold between neighbours; saved against a supplier alone</small>
      </h2>
      {homes.length === 0 ? (
        <p class="empty">No home has joined yet.</p>
      ) : (
        <div class="scroll">
          <table class="homes">
            <thead>
              <tr>
                {head(HOME)}
                {COLUMNS.map(head)}
              </tr>
            </thead>
            <tbody>
              {rows.map((home) => (
                <tr key={home.id}>
                  <th scope="row">
                    <a href={homeHref(home.id)}>{home.id}</a>
                    {home.flags.length > 0 && (
                      <span class="flag" title={home.flags.join(', ')}>
                        {home.flags[0]}
                      </span>
                    )}
                  </th>
                  {COLUMNS.map((c) => (
                    <td key={c.key} class={`${c.wide ? 'wide ' : ''}${c.tone?.(home) ?? ''}`}>
                      {c.show(home)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
