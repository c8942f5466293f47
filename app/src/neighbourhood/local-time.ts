const MS_PER_HOUR = 3_600_000;

/** Minutes to add to UTC for local wall time, by hour; asked of the time zone database once per hour of the simulation. */
export function localOffset(timezone: string): (atMs: number) => number {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: timezone, timeZoneName: 'longOffset' });
  const known = new Map<number, number>();
  return (atMs) => {
    const hour = Math.floor(atMs / MS_PER_HOUR);
    let offset = known.get(hour);
    if (offset === undefined) {
      offset = parse(format.format(hour * MS_PER_HOUR));
      if (known.size > 200) known.clear();
      known.set(hour, offset);
    }
    return offset;
  };
}

function parse(text: string): number {
  const match = /GMT(?:([+-])(\d\d):(\d\d))?/.exec(text);
  if (!match?.[1]) return 0;
  const minutes = Number(match[2]) * 60 + Number(match[3]);
  return match[1] === '-' ? -minutes : minutes;
}
