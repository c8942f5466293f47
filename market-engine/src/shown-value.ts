/**
 * A value from outside as an error shows it: its JSON, cut at `charsMax`. Never throws, however deeply the value is nested:
 * `JSON.parse` reads deeper than `JSON.stringify` can write.
 */
export function shownValue(value: unknown, charsMax: number): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'bigint' || typeof value === 'number') return String(value);
  const text = jsonOf(value) ?? typeof value;
  return text.length > charsMax ? `${text.slice(0, charsMax - 3)}...` : text;
}

function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return 'something that is nested too deeply to show';
  }
}
