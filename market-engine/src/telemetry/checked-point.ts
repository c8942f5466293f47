import type { TelemetryPoint } from '../service/ports.ts';

export type TelemetryFieldType = 'integer' | 'float' | 'string' | 'boolean';

/** One measurement of the schema that the dashboards are made for. */
export interface TelemetryMeasurement {
  readonly measurement: string;
  readonly tags: readonly string[];
  readonly fields: Readonly<Record<string, TelemetryFieldType>>;
}

/** What may stand in a tag: a line break there would forge a measurement, and the client does not escape it. */
const TAG_VALUE = /^[\w.:-]{1,64}$/;
const TEXT_LENGTH_MAX = 1000;

/** The point as it may be written, or in words why it may not. Fields that cannot be stored (NaN, empty) are left out. */
export function checkedPoint(
  point: TelemetryPoint,
  schema: ReadonlyMap<string, TelemetryMeasurement>,
): TelemetryPoint | string {
  const known = schema.get(point.measurement);
  if (known === undefined) return `measurement ${JSON.stringify(point.measurement)} is not in the schema`;
  if (!Number.isSafeInteger(point.atMs) || point.atMs < 0)
    return `${point.measurement}: atMs is ${point.atMs}`;
  for (const [name, value] of Object.entries(point.tags)) {
    if (!known.tags.includes(name))
      return `${point.measurement}: tag ${JSON.stringify(name)} is not in the schema`;
    if (typeof value !== 'string' || !TAG_VALUE.test(value)) {
      return `${point.measurement}: tag ${name} is ${JSON.stringify(value)}`;
    }
  }
  const fields: Record<string, number | string | boolean> = {};
  for (const [name, value] of Object.entries(point.fields)) {
    const type = Object.hasOwn(known.fields, name) ? known.fields[name] : undefined;
    if (type === undefined) return `${point.measurement}: field ${JSON.stringify(name)} is not in the schema`;
    const storable = storableAs(type, value);
    if (storable === 'wrong')
      return `${point.measurement}: field ${name} is ${JSON.stringify(value)}, not ${type}`;
    if (storable !== null) fields[name] = storable;
  }
  if (Object.keys(fields).length === 0) return `${point.measurement}: no field has a value`;
  return { ...point, fields };
}

function storableAs(
  type: TelemetryFieldType,
  value: number | string | boolean,
): number | string | boolean | null | 'wrong' {
  if (type === 'integer') return typeof value === 'number' && Number.isSafeInteger(value) ? value : 'wrong';
  if (type === 'float') {
    if (typeof value !== 'number') return 'wrong';
    return Number.isFinite(value) ? value : null;
  }
  if (type === 'boolean') return typeof value === 'boolean' ? value : 'wrong';
  if (typeof value !== 'string') return 'wrong';
  // The client escapes quotes but not a backslash before one.
  const text = value
    .replaceAll(/\p{Cc}+/gu, ' ')
    .replaceAll('\\', '/')
    .slice(0, TEXT_LENGTH_MAX);
  return text === '' ? null : text;
}
