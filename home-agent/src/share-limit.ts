export interface LimitedHome {
  readonly participant: string;
  /** Without the battery; below zero it exports. A mean, not a median: see `meanWh`. */
  readonly expectedNetImportW: number;
  readonly batteryDischargeMaxW: number;
  /** What the battery can give above its reserve when the limit begins, Wh: what it can still be filled to, if there is time. */
  readonly stateOfChargeWh: number;
  /** How long the limit lasts, hours. */
  readonly slotsHours: number;
}

/**
 * Splits a feeder's import limit among its homes: everyone gets what it is expected to import; what that exceeds the limit by is taken
 * from the homes with batteries, in proportion to what each can give for the whole time (so shares can be negative). Room to spare is
 * split evenly. Whole W; the sum is at most the limit whenever the batteries can reach it; else all batteries give everything.
 */
export function shareImportLimit(input: {
  readonly limitW: number;
  readonly homes: readonly LimitedHome[];
}): Map<string, number> {
  const { homes } = input;
  const limitW = Math.floor(input.limitW);
  const wanted = homes.map((home) => Math.ceil(home.expectedNetImportW));
  const excessW = wanted.reduce((total, importW) => total + importW, 0) - limitW;
  if (excessW <= 0) {
    const each = homes.length === 0 ? 0 : Math.floor(-excessW / homes.length);
    return new Map(homes.map((home, index) => [home.participant, (wanted[index] as number) + each]));
  }
  const flexible = homes.map(flexibleW);
  const total = flexible.reduce((sum, powerW) => sum + powerW, 0);
  const part = total > 0 ? Math.min(1, excessW / total) : 0;
  const given = flexible.map((powerW) => Math.min(powerW, Math.floor(powerW * part)));
  let missing = Math.min(excessW, total) - given.reduce((sum, powerW) => sum + powerW, 0);
  // What rounding left over goes a watt each to those who still can.
  for (let index = 0; missing > 0 && index < given.length; index += 1) {
    const more = Math.min(missing, 1, (flexible[index] as number) - (given[index] as number));
    given[index] = (given[index] as number) + more;
    missing -= more;
  }
  return new Map(
    homes.map((home, index) => [home.participant, (wanted[index] as number) - (given[index] as number)]),
  );
}

function flexibleW(home: LimitedHome): number {
  const lasting = home.slotsHours > 0 ? home.stateOfChargeWh / home.slotsHours : 0;
  return Math.max(0, Math.floor(Math.min(home.batteryDischargeMaxW, lasting)));
}
