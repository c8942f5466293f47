/**
 * What a device can say, in one vocabulary. The unit is the last word.
 * `importWh` is energy drawn, `exportWh` energy given: for a grid meter from and to the grid, for PV `exportWh` is what it produced, for a
 * battery `exportWh` is what it discharged into the home and `importWh` what it was charged with.
 * `powerW`: grid meter positive on import; PV positive on production; battery positive on discharge.
 */
export const QUANTITIES = [
  'powerW',
  'powerL1W',
  'powerL2W',
  'powerL3W',
  'importWh',
  'exportWh',
  'voltageL1V',
  'voltageL2V',
  'voltageL3V',
  'currentL1A',
  'currentL2A',
  'currentL3A',
  'frequencyHz',
  'stateOfChargePermille',
  'capacityWh',
  'chargeMaxW',
  'dischargeMaxW',
] as const;

export type Quantity = (typeof QUANTITIES)[number];

/** What one value of a device may be at all; anything else is nonsense, whatever the device says. */
const PLAUSIBLE: Record<Quantity, readonly [min: number, max: number]> = {
  powerW: [-2_000_000, 2_000_000],
  powerL1W: [-1_000_000, 1_000_000],
  powerL2W: [-1_000_000, 1_000_000],
  powerL3W: [-1_000_000, 1_000_000],
  importWh: [0, 1e13],
  exportWh: [0, 1e13],
  voltageL1V: [0, 1000],
  voltageL2V: [0, 1000],
  voltageL3V: [0, 1000],
  currentL1A: [-5000, 5000],
  currentL2A: [-5000, 5000],
  currentL3A: [-5000, 5000],
  frequencyHz: [0, 70],
  stateOfChargePermille: [0, 1000],
  capacityWh: [1, 1e9],
  chargeMaxW: [0, 2_000_000],
  dischargeMaxW: [0, 2_000_000],
};

/** True when a device of any size could say this. False for NaN and infinities. */
export function isPlausible(quantity: Quantity, value: number): boolean {
  const [min, max] = PLAUSIBLE[quantity];
  return value >= min && value <= max;
}

/** The unit people read: `W`, `Wh`, `V`, `A`, `Hz`, `permille`. */
export function unitOf(quantity: Quantity): string {
  const unit = /(Permille|Wh|W|V|A|Hz)$/.exec(quantity)?.[1] ?? '';
  return unit === 'Permille' ? 'permille' : unit;
}

/** What one answer says of its energy counters besides their values. */
export interface CounterFacts {
  /** The coarsest step of the counters in this answer, Wh: a float's step grows with its value. */
  readonly resolutionWh?: number;
  /** Where counters begin again at zero, Wh. */
  readonly rollsAtWh?: Readonly<Partial<Record<Quantity, number>>>;
}

/** One look at one device. Energy is whole Wh, state of charge whole permille; the rest as the device gives it. */
export interface DeviceSample extends CounterFacts {
  readonly values: Readonly<Partial<Record<Quantity, number>>>;
  /** Quantities that were read but cannot be true; they are absent from `values`. */
  readonly nonsense: readonly Quantity[];
  /** The maker's serial number, where the device tells it. */
  readonly serial?: string;
  /** When the device says its values are from, by its own clock. */
  readonly deviceTimeMs?: number;
  /** When the look began, in real, monotonic time (`performance.now()`), where connecting came before it. */
  readonly sentAtMs?: number;
}

/** Puts decoded numbers into a sample: rounds energy to whole Wh, sets aside what cannot be true. `undefined` marks "not implemented". */
export function toSample(
  decoded: Iterable<readonly [Quantity, number | undefined]>,
  serial?: string,
): DeviceSample {
  const values: Partial<Record<Quantity, number>> = {};
  const nonsense: Quantity[] = [];
  for (const [quantity, value] of decoded) {
    if (value === undefined) continue;
    const whole = /Wh$|Permille$/.test(quantity) ? Math.round(value) : value;
    if (isPlausible(quantity, whole)) values[quantity] = whole;
    else nonsense.push(quantity);
  }
  return { values, nonsense, ...(serial === undefined ? {} : { serial }) };
}
