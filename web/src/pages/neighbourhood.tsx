import type { NeighbourhoodView } from '@commonwatt/domain';
import { Batches } from '../parts/batches.tsx';
import { HomesTable } from '../parts/homes-table.tsx';
import { Losses } from '../parts/losses.tsx';
import { Signals } from '../parts/signals.tsx';
import { SlotCharts } from '../parts/slot-charts.tsx';
import { StreetMap } from '../parts/street-map.tsx';
import { FeederTile, FleetTile, PriceTile, SunTile, TotalsStrip } from '../parts/tiles.tsx';

export function NeighbourhoodPage({ view }: { view: NeighbourhoodView }) {
  return (
    <>
      <h1 class="hidden">The neighbourhood now</h1>
      <div class="now">
        <section class="card map-card" aria-label="Map of flows">
          <StreetMap view={view} />
          <p class="legend">
            <span>
              <i class="key key-grid" /> from the grid
            </span>
            <span>
              <i class="key key-local" /> from neighbours
            </span>
            <span>wider lines carry more; dots move the way it flows</span>
          </p>
        </section>
        <div class="tiles">
          <PriceTile view={view} />
          <FeederTile view={view} />
          <SunTile view={view} />
          <FleetTile view={view} />
        </div>
      </div>
      <TotalsStrip view={view} />
      <SlotCharts view={view} />
      <Losses view={view} />
      <div class="two">
        <Signals view={view} />
        <section class="card">
          <h2>
            Last batches on chain
            <small>
              <a href="#/chain">all of them</a>
            </small>
          </h2>
          <Batches batches={view.batches} slotMinutes={view.slotMinutes} />
        </section>
      </div>
      <HomesTable homes={view.homes} />
    </>
  );
}
