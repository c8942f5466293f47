import type { NeighbourhoodView } from '@commonwatt/domain';

/** What a home's chart needs of one moment. Power in W, signs as in `FlowView`; state of charge in permille. */
export interface TrailPoint {
  readonly atMs: number;
  readonly gridW: number;
  readonly loadW: number;
  readonly pvW: number;
  readonly batteryW: number;
}

const POINTS_MAX = 900;

/** Remembers each home's last views while the page is open; the server keeps no per-home history in its view. */
export class Trail {
  readonly #homes = new Map<string, TrailPoint[]>();

  /** Takes a view in; one no newer than the last is left out, one from before it (a restarted run) begins anew. */
  add(view: NeighbourhoodView): void {
    for (const home of view.homes) {
      let points = this.#homes.get(home.id) ?? [];
      const last = points.at(-1);
      if (last?.atMs === view.nowMs) continue;
      if (last && view.nowMs < last.atMs) points = [];
      points.push({
        atMs: view.nowMs,
        gridW: home.gridW,
        loadW: home.loadW,
        pvW: home.pvW,
        batteryW: home.batteryW,
      });
      if (points.length > POINTS_MAX) points.shift();
      this.#homes.set(home.id, points);
    }
  }

  of(id: string): readonly TrailPoint[] {
    return this.#homes.get(id) ?? [];
  }
}
