import { calendarMs, instantOf } from '../device-clock.ts';
import { readRaw } from '../profile/decode.ts';
import type { ClockMapping, ModbusProfile } from '../profile/types.ts';
import type { ModbusBus } from './bus.ts';

const CALENDAR_REGISTERS = 6;

/** What a clock's registers say, ms since 1970; undefined while the clock is not set, or in local time without a zone. */
export function decodeClock(
  words: readonly number[],
  { format, zone }: ClockMapping,
  timezone: string | undefined,
  order: ModbusProfile['wordOrder'],
): number | undefined {
  const shown =
    format === 'calendar'
      ? calendarMs(words)
      : (readRaw((address) => words[address], 0, 'u32', order)?.value ?? 0) * 1000;
  // No device was built before 2000: less is a clock that was never set.
  if (shown === undefined || shown < Date.UTC(2000, 0, 2)) return undefined;
  if (zone === 'utc') return shown;
  return timezone === undefined ? undefined : instantOf(shown, timezone);
}

/** Reads the clock of a profile's device; undefined where the profile has none, or one that nobody can place. */
export function profileClock(
  profile: ModbusProfile,
  bus: ModbusBus,
  unitId: number,
  timezone: string | undefined,
): (() => Promise<number | undefined>) | undefined {
  const { clock } = profile;
  if (!clock || (clock.zone === 'local' && timezone === undefined)) return undefined;
  const count = clock.format === 'calendar' ? CALENDAR_REGISTERS : 2;
  const readFunction = clock.readFunction ?? profile.readFunction;
  return async () =>
    decodeClock(
      await bus.read(unitId, readFunction, clock.address, count),
      clock,
      timezone,
      profile.wordOrder,
    );
}
