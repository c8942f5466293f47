/**
 * What the neighbourhood writes to InfluxDB, as data: the writer, the dashboards and their tests all read this.
 * Tags are few-valued on purpose (one series per combination). Times are written explicitly, in milliseconds.
 * This is telemetry for people's eyes, so floats are fine here; ledgers and bills never come from it.
 */
export type FieldType = 'integer' | 'float' | 'string' | 'boolean';

export interface FieldSpec {
  readonly type: FieldType;
  /** Unit and sign, in words. */
  readonly doc: string;
}

export interface MeasurementSpec {
  readonly doc: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, FieldSpec>>;
}

const SITE = 'participant at the connection point, e.g. home-03';
const FEEDER = 'low-voltage feeder, e.g. feeder-1';

export const MEASUREMENTS = {
  meter: {
    doc: 'One look at a connection point, as the gateway polled it.',
    tags: { site: SITE, feeder: FEEDER, role: 'what the meter counts: grid' },
    fields: {
      p_w: { type: 'float', doc: 'W at the grid connection, positive on import' },
      load_w: { type: 'float', doc: 'W used behind the meter' },
      pv_w: { type: 'float', doc: 'W made by PV, never negative' },
      v: { type: 'float', doc: 'V, phase to neutral' },
      e_imp_wh: { type: 'integer', doc: 'Wh, import counter, grows' },
      e_exp_wh: { type: 'integer', doc: 'Wh, export counter, grows' },
    },
  },
  feeder: {
    doc: 'A feeder added up, written beside the meters: sums over sites are too slow to query.',
    tags: { feeder: FEEDER, substation: 'transformer the feeder hangs on' },
    fields: {
      p_w: { type: 'float', doc: 'W through the transformer, positive on import' },
      load_w: { type: 'float', doc: 'W used by all sites' },
      pv_w: { type: 'float', doc: 'W made by all sites' },
      limit_w: { type: 'float', doc: 'W, import limit in force: a demand signal’s, else the rating' },
      loading_pct: { type: 'float', doc: '% of the limit, of the absolute power' },
      v_min: { type: 'float', doc: 'V, lowest of the sites' },
      v_max: { type: 'float', doc: 'V, highest of the sites' },
      sites_online: { type: 'integer', doc: 'sites whose last reading is fresh' },
      e_imp_wh: {
        type: 'integer',
        doc: 'Wh in the slot through the feeder meter, import; at the slot’s start',
      },
      e_exp_wh: { type: 'integer', doc: 'Wh in the slot through the feeder meter, export' },
      diff_wh: {
        type: 'integer',
        doc: 'Wh in the slot that came in and no home’s meter accounts for; negative: a meter is wrong',
      },
      loss_max_wh: { type: 'integer', doc: 'Wh in the slot that may be lost, with the tolerance' },
      suspects: { type: 'integer', doc: 'meters that the differences point at' },
    },
  },
  battery: {
    doc: 'One look at a battery.',
    tags: { site: SITE, feeder: FEEDER },
    fields: {
      soc_pct: { type: 'float', doc: '% of the capacity' },
      p_w: { type: 'float', doc: 'W, positive when it discharges into the home' },
      setpoint_w: { type: 'float', doc: 'W asked of it, same sign' },
      cap_wh: { type: 'float', doc: 'Wh, usable capacity' },
    },
  },
  market: {
    doc: 'One point per slot, at the slot’s start, once it is metered.',
    tags: { community: 'community id' },
    fields: {
      price: { type: 'float', doc: 'EUR/kWh; left out when nobody traded' },
      floor: { type: 'float', doc: 'EUR/kWh, feed-in price' },
      cap: { type: 'float', doc: 'EUR/kWh, retail price' },
      p2p_wh: { type: 'integer', doc: 'Wh traded between neighbours' },
      grid_import_wh: { type: 'integer', doc: 'Wh the feeder drew from the grid' },
      grid_export_wh: { type: 'integer', doc: 'Wh the feeder fed into the grid' },
      bids: { type: 'integer', doc: 'bids in the frozen book' },
      offers: { type: 'integer', doc: 'offers in the frozen book' },
    },
  },
  settlement: {
    doc: 'One point per batch and status it reaches, at the moment it does.',
    tags: { community: 'community id', status: 'what the batch has reached: final, or a step before it' },
    fields: {
      lag_s: { type: 'float', doc: 's from the end of the batch’s last slot' },
      count: { type: 'integer', doc: 'slots in the batch' },
      imbalance_wh: { type: 'integer', doc: 'Wh, sum of the absolute imbalances' },
      amount: { type: 'float', doc: 'EUR moved' },
    },
  },
  chain: {
    doc: 'The chain’s side as settlement sees it, every few seconds.',
    tags: { community: 'community id' },
    fields: {
      silent_s: { type: 'float', doc: 's since the node last answered' },
      pending: { type: 'integer', doc: 'batches that are not final' },
      pending_s: { type: 'float', doc: 's the oldest of them has been on its way' },
      lag_blocks: { type: 'integer', doc: 'blocks that are not final yet' },
      finalized: { type: 'integer', doc: 'newest final block' },
      funds: { type: 'float', doc: 'native token the settlement account has for fees' },
      fees: { type: 'float', doc: 'native token paid for fees so far' },
      fee_days: { type: 'float', doc: 'days the funds last at the mean fee so far' },
      approval_days: { type: 'float', doc: 'days until the first balance or approval runs out' },
      approvals_low: { type: 'integer', doc: 'participants it runs out for within a week' },
      alarms: { type: 'integer', doc: 'alarms raised now' },
    },
  },
  gateway: {
    doc: 'A gateway’s own health, once a poll.',
    tags: { gateway: 'gateway id, e.g. gw-home-03', protocol: 'modbus or opcua' },
    fields: {
      up: { type: 'integer', doc: '1 when its devices answered, else 0' },
      rtt_ms: { type: 'float', doc: 'ms a poll took' },
      buffered: { type: 'integer', doc: 'readings waiting in the outbox' },
      dropped: { type: 'integer', doc: 'telemetry points given up since the start' },
      skew_ms: { type: 'float', doc: 'ms, device clock minus gateway clock' },
    },
  },
  forecast: {
    doc: 'A slot’s forecast at the slot’s start, with what came.',
    tags: { site: SITE, target: 'load or pv' },
    fields: {
      p10: { type: 'float', doc: 'W, one in ten is below' },
      p50: { type: 'float', doc: 'W, the median' },
      p90: { type: 'float', doc: 'W, one in ten is above' },
      actual: { type: 'float', doc: 'W metered; written later to the same point' },
    },
  },
  event: {
    doc: 'Something worth a line on the charts.',
    tags: {
      severity: 'info, warning or critical',
      kind: 'demand-signal, limit, gateway, settlement ...',
      feeder: FEEDER,
    },
    fields: {
      title: { type: 'string', doc: 'a few words' },
      text: { type: 'string', doc: 'a sentence' },
    },
  },
} as const satisfies Record<string, MeasurementSpec>;

export type Measurement = keyof typeof MEASUREMENTS;
export type FieldOf<M extends Measurement> = keyof (typeof MEASUREMENTS)[M]['fields'] & string;
export type TagOf<M extends Measurement> = keyof (typeof MEASUREMENTS)[M]['tags'] & string;

/** One measurement as npm `influx` wants it in `schema`, with the field types still as words. */
export interface InfluxMeasurement {
  readonly measurement: string;
  readonly tags: string[];
  readonly fields: Record<string, FieldType>;
}

/** The whole schema for a writer. Without it the client would write integers as floats. */
export function influxSchema(): InfluxMeasurement[] {
  return Object.entries<MeasurementSpec>(MEASUREMENTS).map(([measurement, spec]) => ({
    measurement,
    tags: Object.keys(spec.tags),
    fields: Object.fromEntries(Object.entries(spec.fields).map(([field, { type }]) => [field, type])),
  }));
}
