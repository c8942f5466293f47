/** What a provisioning file holds. */
export type Yaml = string | number | boolean | readonly Yaml[] | { readonly [key: string]: Yaml };

const PLAIN = /^[A-Za-z][A-Za-z0-9 ._/%-]*$/;
const LOOKS_LIKE_ANOTHER_TYPE = /^(true|false|yes|no|on|off|null|~)$/i;

/** Block-style YAML of plain data: just enough for Grafana's provisioning, without a library. Ends with a newline. */
export function toYaml(value: Yaml): string {
  return `${block(value, '')}\n`;
}

function block(value: Yaml, indent: string): string {
  if (Array.isArray(value))
    return value.map((item: Yaml) => `${indent}- ${inItem(item, `${indent}  `)}`).join('\n');
  if (typeof value === 'object') {
    return Object.entries(value)
      .map(([key, child]) => `${indent}${key}:${afterKey(child, indent)}`)
      .join('\n');
  }
  return scalar(value);
}

/** The first line of a list's item stands beside its dash. */
function inItem(item: Yaml, indent: string): string {
  return typeof item === 'object' && !isEmpty(item) ? block(item, indent).slice(indent.length) : inline(item);
}

function afterKey(child: Yaml, indent: string): string {
  if (typeof child === 'object' && !isEmpty(child)) return `\n${block(child, `${indent}  `)}`;
  return ` ${inline(child)}`;
}

const isEmpty = (value: object): boolean => Object.keys(value).length === 0;

function inline(value: Yaml): string {
  if (typeof value === 'object') return Array.isArray(value) ? '[]' : '{}';
  return scalar(value);
}

/** Plain where it is safe, else in quotes; single ones unless the text has one. */
function scalar(value: string | number | boolean): string {
  if (typeof value !== 'string') return String(value);
  if (PLAIN.test(value) && !LOOKS_LIKE_ANOTHER_TYPE.test(value) && !value.endsWith(' ')) return value;
  return value.includes("'") || value.includes('\n') ? JSON.stringify(value) : `'${value}'`;
}
