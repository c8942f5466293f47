/**
 * The points of SunSpec models a gateway reads. Offsets count from a model's id register.
 * Source: sunspec/models json, model_1 to model_803. Scale factors (`sf`) are offsets too: value = raw x 10^sf.
 */
export type PointType = 'i16' | 'u16' | 'u32' | 'i32' | 'u64' | 'acc32' | 'f32' | 'enum16';

export interface Point {
  readonly at: number;
  readonly type: PointType;
  readonly sf?: number;
}

export type ModelPoints = Readonly<Record<string, Point>>;

const point = (at: number, type: PointType, sf?: number): Point =>
  sf === undefined ? { at, type } : { at, type, sf };

/** Inverters with integers and scale factors: 101 single phase, 102 split phase, 103 three phase. */
const INVERTER: ModelPoints = {
  voltageL1V: point(10, 'u16', 13),
  powerW: point(14, 'i16', 15),
  frequencyHz: point(16, 'u16', 17),
  exportWh: point(24, 'acc32', 26),
  state: point(38, 'enum16'),
};

/** Inverters with floats: 111, 112, 113. */
const INVERTER_FLOAT: ModelPoints = {
  voltageL1V: point(16, 'f32'),
  powerW: point(22, 'f32'),
  frequencyHz: point(24, 'f32'),
  exportWh: point(32, 'f32'),
};

/** Meters with integers and scale factors: 201 to 204. */
const METER: ModelPoints = {
  voltageL1V: point(8, 'i16', 15),
  frequencyHz: point(16, 'i16', 17),
  powerW: point(18, 'i16', 22),
  exportWh: point(38, 'acc32', 54),
  importWh: point(46, 'acc32', 54),
};

/** Meters with floats: 211 to 214. */
const METER_FLOAT: ModelPoints = {
  voltageL1V: point(12, 'f32'),
  frequencyHz: point(26, 'f32'),
  powerW: point(28, 'f32'),
  exportWh: point(60, 'f32'),
  importWh: point(68, 'f32'),
};

/** Models with a clock: where seconds since 2000-01-01 UTC lie, a u32 (122 Tms, 160 Tms). */
export const CLOCK_AT: Readonly<Record<number, number>> = { 122: 41, 160: 24 };

/** Common block: maker, model, version and serial number are strings of 16, 16, 8 and 16 registers. */
export const COMMON = { maker: [2, 16], model: [18, 16], version: [42, 8], serial: [50, 16] } as const;

export const MODELS: Readonly<Record<number, ModelPoints>> = {
  101: INVERTER,
  102: INVERTER,
  103: INVERTER,
  111: INVERTER_FLOAT,
  112: INVERTER_FLOAT,
  113: INVERTER_FLOAT,
  201: METER,
  202: METER,
  203: METER,
  204: METER,
  211: METER_FLOAT,
  212: METER_FLOAT,
  213: METER_FLOAT,
  214: METER_FLOAT,
  // Registers 10 to 120: the read from the power to its last scale factor just fits into one request.
  701: {
    powerW: point(10, 'i16', 116),
    frequencyHz: point(17, 'u32', 115),
    exportWh: point(19, 'u64', 120),
    importWh: point(23, 'u64', 120),
    voltageL1V: point(47, 'u16', 114),
  },
  702: { chargeMaxW: point(34, 'u16', 45), dischargeMaxW: point(35, 'u16', 45) },
  704: { enabled: point(22, 'enum16'), setW: point(24, 'i32', 55) },
  713: {
    capacityWh: point(2, 'u16', 7),
    stateOfChargePercent: point(4, 'u16', 8),
  },
  124: {
    maxW: point(2, 'u16', 18),
    mode: point(5, 'u16'),
    stateOfChargePercent: point(8, 'u16', 22),
    outRatePercent: point(12, 'i16', 25),
    inRatePercent: point(13, 'i16', 25),
    reversionS: point(15, 'u16'),
  },
  802: {
    capacityWh: point(3, 'u16', 53),
    chargeMaxW: point(4, 'u16', 54),
    dischargeMaxW: point(5, 'u16', 54),
    stateOfChargePercent: point(11, 'u16', 56),
    powerW: point(47, 'i16', 63),
  },
};

export const WORDS_OF: Record<PointType, number> = {
  i16: 1,
  u16: 1,
  enum16: 1,
  i32: 2,
  u32: 2,
  acc32: 2,
  f32: 2,
  u64: 4,
};

export const isInverter = (model: number): boolean =>
  (model >= 101 && model <= 103) || (model >= 111 && model <= 113) || model === 701;
export const isMeter = (model: number): boolean =>
  (model >= 201 && model <= 204) || (model >= 211 && model <= 214);
