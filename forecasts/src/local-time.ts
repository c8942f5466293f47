const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** The clock on the wall: minutes since local midnight and whether people are at home for the weekend. */
export interface LocalTime {
  readonly minuteOfDay: number;
  readonly weekend: boolean;
}

/** Local time of a place by its IANA name. Throws RangeError for a name the runtime does not know. */
export function localClock(timezone: string): (atMs: number) => LocalTime {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  const offsets = new Map<number, number>();
  const offsetMs = (atMs: number): number => {
    // Clocks change on whole hours UTC everywhere but in a few half-hour zones, where an hour a year is late by half.
    const hour = Math.floor(atMs / HOUR_MS);
    let offset = offsets.get(hour);
    if (offset === undefined) {
      const part = Object.fromEntries(
        format.formatToParts(hour * HOUR_MS).map(({ type, value }) => [type, Number(value)]),
      );
      const localMs = Date.UTC(
        part['year'] ?? 0,
        (part['month'] ?? 1) - 1,
        part['day'] ?? 1,
        part['hour'] ?? 0,
        part['minute'] ?? 0,
      );
      offset = localMs - hour * HOUR_MS;
      if (offsets.size > 1000) offsets.clear();
      offsets.set(hour, offset);
    }
    return offset;
  };
  return (atMs) => {
    const localMs = atMs + offsetMs(atMs);
    const day = Math.floor(localMs / DAY_MS);
    // 1970-01-01 was a Thursday.
    const weekday = (((day + 4) % 7) + 7) % 7;
    return {
      minuteOfDay: Math.floor((localMs - day * DAY_MS) / 60_000),
      weekend: weekday === 0 || weekday === 6,
    };
  };
}
