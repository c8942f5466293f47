import { MEASUREMENTS, type FieldOf, type Measurement, type TagOf } from './schema.ts';

/** Aggregates of InfluxQL 1.x that the dashboards use. */
export type Aggregate = 'mean' | 'min' | 'max' | 'sum' | 'last' | 'first' | 'count' | 'spread';

const quote = (name: string): string => `"${name}"`;

/**
 * One InfluxQL SELECT, built up step by step and immutable. Fields and tags are checked against the schema by the compiler,
 * `$timeFilter` is always there (in inner queries too, else they scan everything), and names are always quoted.
 *
 * @example new Select('feeder').pick('mean', 'p_w', 'load').matching('feeder').every().per('feeder').toString()
 */
export class Select<M extends Measurement> {
  readonly #measurement: M;
  readonly #source: string;
  readonly #picks: readonly string[];
  readonly #filters: readonly string[];
  readonly #groups: readonly string[];
  readonly #tail: readonly string[];

  constructor(measurement: M, parts?: SelectParts) {
    this.#source = parts?.source ?? quote(measurement);
    this.#measurement = measurement;
    this.#picks = parts?.picks ?? [];
    this.#filters = parts?.filters ?? [];
    this.#groups = parts?.groups ?? [];
    this.#tail = parts?.tail ?? [];
  }

  #with(change: Partial<SelectParts>): Select<M> {
    const parts: SelectParts = {
      source: this.#source,
      picks: this.#picks,
      filters: this.#filters,
      groups: this.#groups,
      tail: this.#tail,
    };
    return new Select<M>(this.#measurement, { ...parts, ...change });
  }

  /** An aggregate of a field, e.g. `mean("p_w") AS "load"`. */
  pick(aggregate: Aggregate, field: FieldOf<M>, as: string = field): Select<M> {
    return this.#with({ picks: [...this.#picks, `${aggregate}(${quote(field)}) AS ${quote(as)}`] });
  }

  /** A field as it was written, for inner queries and tables. */
  raw(field: FieldOf<M> | TagOf<M>, as: string = field): Select<M> {
    return this.#with({
      picks: [...this.#picks, as === field ? quote(field) : `${quote(field)} AS ${quote(as)}`],
    });
  }

  /** An expression in InfluxQL's own words; its quoted names must exist in what it reads from. */
  expression(influxql: string, as: string): Select<M> {
    return this.#with({ picks: [...this.#picks, `${influxql} AS ${quote(as)}`] });
  }

  /** Only what the dashboard's variable of the same name selects. Works for one, several and all. */
  matching(...tags: TagOf<M>[]): Select<M> {
    return this.#with({
      filters: [...this.#filters, ...tags.map((tag) => `${quote(tag)} =~ /^\${${tag}:regex}$/`)],
    });
  }

  /** Only where a tag has this value. */
  where(tag: TagOf<M>, value: string): Select<M> {
    if (/['\\\n$]/.test(value)) throw new RangeError(`not a plain tag value: ${JSON.stringify(value)}`);
    return this.#with({ filters: [...this.#filters, `${quote(tag)} = '${value}'`] });
  }

  /** A point per interval: Grafana's for the zoom, or a fixed one. Empty intervals give no point. */
  every(interval = '$__interval'): Select<M> {
    return this.#with({
      groups: [`time(${interval})`, ...this.#groups],
      tail: ['fill(none)', ...this.#tail],
    });
  }

  /** A series per value of these tags. */
  per(...tags: TagOf<M>[]): Select<M> {
    return this.#with({ groups: [...this.#groups, ...tags.map(quote)] });
  }

  /** The newest first, at most so many. */
  newest(count: number): Select<M> {
    return this.#with({ tail: [...this.#tail, 'ORDER BY time DESC', `LIMIT ${count}`] });
  }

  /** An outer query over this one; the names picked here are its fields. */
  outer(): Outer<M> {
    return new Outer<M>(this);
  }

  toString(): string {
    const filters = ['$timeFilter', ...this.#filters].join(' AND ');
    const groups = this.#groups.length > 0 ? ` GROUP BY ${this.#groups.join(', ')}` : '';
    const tail = this.#tail.length > 0 ? ` ${this.#tail.join(' ')}` : '';
    return `SELECT ${this.#picks.join(', ')} FROM ${this.#source} WHERE ${filters}${groups}${tail}`;
  }
}

interface SelectParts {
  readonly source: string;
  readonly picks: readonly string[];
  readonly filters: readonly string[];
  readonly groups: readonly string[];
  readonly tail: readonly string[];
}

/** A SELECT over a sub-query. Its fields are the inner query's names, so the compiler cannot check them; the test against a real server does. */
export class Outer<M extends Measurement> {
  readonly #inner: Select<M>;

  constructor(inner: Select<M>) {
    this.#inner = inner;
  }

  /** Ends the query with an expression over the inner names, a point per interval and a series per tag. */
  take(
    influxql: string,
    as: string,
    options: { every?: string | false; per?: readonly TagOf<M>[] } = {},
  ): string {
    const groups = options.every === false ? [] : [`time(${options.every ?? '$__interval'})`];
    groups.push(...(options.per ?? []).map(quote));
    const group = groups.length > 0 ? ` GROUP BY ${groups.join(', ')}` : '';
    const fill = options.every === false ? '' : ' fill(none)';
    return `SELECT ${influxql} AS ${quote(as)} FROM (${this.#inner}) WHERE $timeFilter${group}${fill}`;
  }
}

/** The values a tag has, for a variable; another variable may narrow it. */
export function tagValues<M extends Measurement>(
  measurement: M,
  tag: TagOf<M>,
  narrowedBy?: TagOf<M>,
): string {
  if (!(measurement in MEASUREMENTS)) throw new RangeError(`no such measurement: ${measurement}`);
  const where = narrowedBy === undefined ? '' : ` WHERE ${quote(narrowedBy)} =~ /^\${${narrowedBy}:regex}$/`;
  return `SHOW TAG VALUES FROM ${quote(measurement)} WITH KEY = ${quote(tag)}${where}`;
}
