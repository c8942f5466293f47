import { CommonwattError } from '@commonwatt/domain';

/** A date and time as devices show it, without a zone. Month and day from 1; two digits of a year count from 2000. */
export type Calendar = readonly [
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
];

const LIMITS = [
  [0, 2100],
  [1, 12],
  [1, 31],
  [0, 23],
  [0, 59],
  [0, 59],
] as const;

/** The calendar as if it were UTC, ms since 1970; undefined for a date that does not exist, as devices show before they are set. */
export function calendarMs(calendar: readonly number[]): number | undefined {
  if (calendar.length !== 6) return undefined;
  if (
    LIMITS.some(([min, max], index) => !((calendar[index] ?? NaN) >= min && (calendar[index] ?? NaN) <= max))
  )
    return undefined;
  const [year, month, day, hour, minute, second] = calendar as unknown as Calendar;
  const ms = Date.UTC(year < 100 ? year + 2000 : year, month - 1, day, hour, minute, second);
  return new Date(ms).getUTCDate() === day ? ms : undefined;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** What a wall clock in the zone shows at an instant, as if it were UTC, ms. Throws CommonwattError `malformed` for an unknown zone. */
function shownMs(atMs: number, timezone: string): number {
  let format = formats.get(timezone);
  if (!format) {
    try {
      format = new Intl.DateTimeFormat('en-GB', {
        timeZone: timezone,
        hourCycle: 'h23',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
      });
    } catch {
      throw new CommonwattError('malformed', `there is no time zone ${JSON.stringify(timezone)}`, {
        field: 'timezone',
        remedy: 'give an IANA name such as Europe/Berlin',
      });
    }
    formats.set(timezone, format);
  }
  const part = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/**
 * The instant at which a wall clock in the zone shows `localMs` (a local time as if it were UTC). Of the hour that comes twice in
 * autumn, the first; a time that is skipped in spring counts as an hour later.
 */
export function instantOf(localMs: number, timezone: string): number {
  // Two looks are enough: the second has the offset of the right side of a change.
  let atMs = localMs;
  for (let look = 0; look < 2; look += 1) atMs = localMs - (shownMs(atMs, timezone) - atMs);
  const anHourBefore = atMs - 3_600_000;
  return shownMs(anHourBefore, timezone) === localMs ? anHourBefore : atMs;
}

/** True for a name that `instantOf` takes. */
export function isTimezone(timezone: string): boolean {
  try {
    shownMs(0, timezone);
    return true;
  } catch {
    return false;
  }
}
