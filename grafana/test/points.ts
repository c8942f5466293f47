import { MEASUREMENTS, type Measurement, type MeasurementSpec } from '../src/schema.ts';

/** Line protocol of a made-up neighbourhood that fits the schema: the same seed gives the same points. */
export interface PointsOptions {
  readonly seed: number;
  readonly fromMs: number;
  readonly toMs: number;
}

export const FEEDERS = ['feeder-1', 'feeder-2'];
export const SITES = ['home-01', 'home-02', 'home-03', 'home-04'];
export const COMMUNITY = 'commonwatt-1a2b';

/** How often each measurement is written, and with which combinations of tags. */
const WRITTEN: Record<Measurement, { everyMs: number; tags: readonly Record<string, string>[] }> = {
  meter: {
    everyMs: 60_000,
    tags: SITES.map((site, i) => ({ site, feeder: FEEDERS[i % 2]!, role: 'grid' })),
  },
  feeder: { everyMs: 60_000, tags: FEEDERS.map((feeder) => ({ feeder, substation: 'substation-1' })) },
  battery: { everyMs: 60_000, tags: SITES.map((site, i) => ({ site, feeder: FEEDERS[i % 2]! })) },
  market: { everyMs: 900_000, tags: [{ community: COMMUNITY }] },
  settlement: {
    everyMs: 3_600_000,
    tags: ['submitted', 'included', 'final'].map((status) => ({ community: COMMUNITY, status })),
  },
  chain: { everyMs: 60_000, tags: [{ community: COMMUNITY }] },
  gateway: {
    everyMs: 60_000,
    tags: SITES.map((site, i) => ({ gateway: `gw-${site}`, protocol: i % 3 === 2 ? 'opcua' : 'modbus' })),
  },
  forecast: {
    everyMs: 900_000,
    tags: SITES.flatMap((site) => ['load', 'pv'].map((target) => ({ site, target }))),
  },
  event: {
    everyMs: 1_800_000,
    tags: FEEDERS.map((feeder) => ({ severity: 'warning', kind: 'limit', feeder })),
  },
};

/** Believable ranges; a field the schema has and this has not makes the test fail. */
const RANGES: Record<string, readonly [number, number]> = {
  'meter.p_w': [-4000, 5000],
  'meter.load_w': [100, 5000],
  'meter.pv_w': [0, 5000],
  'meter.v': [222, 238],
  'feeder.p_w': [-20_000, 30_000],
  'feeder.e_imp_wh': [0, 8000],
  'feeder.e_exp_wh': [0, 3000],
  'feeder.diff_wh': [-20, 300],
  'feeder.loss_max_wh': [300, 600],
  'feeder.suspects': [0, 1],
  'feeder.load_w': [5000, 30_000],
  'feeder.pv_w': [0, 25_000],
  'feeder.limit_w': [20_000, 30_000],
  'feeder.loading_pct': [0, 110],
  'feeder.v_min': [212, 228],
  'feeder.v_max': [230, 250],
  'feeder.sites_online': [9, 10],
  'battery.soc_pct': [5, 98],
  'battery.p_w': [-2500, 2500],
  'battery.setpoint_w': [-2500, 2500],
  'battery.cap_wh': [10_000, 10_000],
  'market.price': [0.08, 0.25],
  'market.floor': [0.08, 0.08],
  'market.cap': [0.25, 0.25],
  'market.p2p_wh': [0, 3000],
  'market.grid_import_wh': [0, 6000],
  'market.grid_export_wh': [0, 6000],
  'market.bids': [0, 20],
  'market.offers': [0, 15],
  'settlement.lag_s': [600, 3000],
  'settlement.count': [4, 4],
  'settlement.imbalance_wh': [100, 3000],
  'settlement.amount': [0.4, 3],
  'chain.silent_s': [0, 5],
  'chain.pending': [0, 2],
  'chain.pending_s': [0, 60],
  'chain.lag_blocks': [0, 4],
  'chain.finalized': [100, 900],
  'chain.funds': [5, 6],
  'chain.fees': [0, 1],
  'chain.fee_days': [90, 100],
  'chain.approval_days': [40, 50],
  'chain.approvals_low': [0, 1],
  'chain.alarms': [0, 1],
  'gateway.up': [0, 1],
  'gateway.rtt_ms': [2, 80],
  'gateway.buffered': [0, 4],
  'gateway.dropped': [0, 3],
  'gateway.skew_ms': [-900, 900],
  'forecast.p10': [50, 400],
  'forecast.p50': [400, 900],
  'forecast.p90': [900, 2500],
  'forecast.actual': [50, 2500],
};

export function madeUpPoints({ seed, fromMs, toMs }: PointsOptions): string[] {
  const random = randomFrom(seed);
  const lines: string[] = [];
  for (const [measurement, spec] of Object.entries<MeasurementSpec>(MEASUREMENTS)) {
    const { everyMs, tags } = WRITTEN[measurement as Measurement];
    for (const set of tags) {
      const key = [measurement, ...Object.keys(spec.tags).map((tag) => `${tag}=${set[tag]}`)].join(',');
      for (let atMs = Math.ceil(fromMs / everyMs) * everyMs; atMs <= toMs; atMs += everyMs) {
        const grown = Math.floor((atMs - fromMs) / 60_000) * 10;
        const fields = Object.entries(spec.fields).map(([field, { type }]) => {
          if (type === 'string') return `${field}="${field} of an event, \\"quoted\\""`;
          if (field.startsWith('e_')) return `${field}=${1_000_000 + grown}i`;
          const range = RANGES[`${measurement}.${field}`];
          if (!range) throw new Error(`no range for ${measurement}.${field}: add it to the test's generator`);
          const value = range[0] + random() * (range[1] - range[0]);
          return type === 'integer' ? `${field}=${Math.round(value)}i` : `${field}=${value.toFixed(4)}`;
        });
        lines.push(`${key} ${fields.join(',')} ${atMs}`);
      }
    }
  }
  return lines;
}

/** mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
