import { CommonwattError } from '@commonwatt/domain';

/** One line of a CSV file with a header; errors name the file, the line and the column. */
export interface Row {
  readonly line: number;
  /** The text in a column, trimmed; empty when the file has no such optional column. */
  text(column: string): string;
  fail(column: string, detail: string, rule: string, remedy?: string): never;
}

/**
 * Reads comma-separated text with a header, quotes as in RFC 4180 but without line breaks inside a field.
 * Throws CommonwattError (malformed) for an empty file, a missing or repeated column, and a line of another width.
 */
export function* readCsv(file: string, content: string, required: readonly string[]): Generator<Row> {
  const lines = content.replace(/^\uFEFF/, '').split(/\r?\n/);
  const header = split(lines[0] ?? '').map((name) => name.trim());
  const columns = new Map(header.map((name, index) => [name, index]));
  const broken = header.length !== columns.size ? 'a column twice' : undefined;
  const missing = required.filter((name) => !columns.has(name));
  if (missing.length > 0 || broken) {
    throw new CommonwattError(
      'malformed',
      `${file}, line 1: ${broken ? `the header names ${broken}` : `there is no column ${missing.join(', ')}`}`,
      {
        record: `${file}:1`,
        field: missing[0] ?? 'header',
        rule: `the first line names the columns, among them ${required.join(', ')}`,
        remedy: 'name each column once in the first line, separated by commas',
      },
    );
  }
  for (let index = 1; index < lines.length; index++) {
    const raw = lines[index] ?? '';
    if (raw.trim() === '') continue;
    const fields = split(raw);
    const line = index + 1;
    const fail: Row['fail'] = (column, detail, rule, remedy) => {
      throw new CommonwattError('malformed', `${file}, line ${line}, ${column}: ${detail}`, {
        record: `${file}:${line}`,
        field: column,
        rule,
        remedy: remedy ?? 'correct the line or take it out',
      });
    };
    if (fields.length !== header.length) {
      fail('line', `${fields.length} fields`, `as many fields as the header has: ${header.length}`);
    }
    yield { line, fail, text: (column) => (fields[columns.get(column) ?? -1] ?? '').trim() };
  }
}

/** A number of at least zero in a column, or null where it is empty and may be. Fails with file, line and column. */
export function numberIn(row: Row, column: string, max: number, optional: boolean): number | null {
  const text = row.text(column);
  if (text === '' && optional) return null;
  if (!/^-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) {
    row.fail(
      column,
      `${JSON.stringify(text)} is no number`,
      `a decimal number${optional ? ' or nothing' : ''}`,
    );
  }
  const value = Number(text);
  if (value < 0) row.fail(column, `${text} is negative`, 'at least 0');
  if (value > max) row.fail(column, `${text} is too large`, `at most ${max}`);
  return value;
}

function split(line: string): string[] {
  if (!line.includes('"')) return line.split(',');
  const fields: string[] = [];
  let field = '';
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    const char = line[i];
    if (quoted && char === '"' && line[i + 1] === '"') {
      field += '"';
      i++;
    } else if (char === '"') quoted = !quoted;
    else if (char === ',' && !quoted) {
      fields.push(field);
      field = '';
    } else field += char;
  }
  fields.push(field);
  return fields;
}
