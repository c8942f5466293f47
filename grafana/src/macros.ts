/** What a dashboard gives a query: the time shown, the interval of a point, the variables' values. */
export interface QueryContext {
  readonly fromMs: number;
  readonly toMs: number;
  readonly interval: string;
  readonly variables: Readonly<Record<string, readonly string[]>>;
}

/** Grafana's `regex` format: one value escaped, several in brackets. */
function asRegex(values: readonly string[]): string {
  const escaped = values.map((value) => value.replace(/[\\^$*+?.()|[\]{}/]/g, String.raw`\$&`));
  return escaped.length === 1 ? escaped[0]! : `(${escaped.join('|')})`;
}

/** Fills in Grafana's macros and variables as Grafana does for InfluxQL. Throws on any it does not know. */
export function expandMacros(query: string, context: QueryContext): string {
  const expanded = query
    .replace(/\$timeFilter\b/g, `time >= ${context.fromMs}ms and time <= ${context.toMs}ms`)
    .replace(/\$__interval\b/g, context.interval)
    .replace(/\$\{(\w+):regex\}/g, (whole, name: string) => {
      const values = context.variables[name];
      if (!values || values.length === 0) throw new Error(`${whole} has no value`);
      return asRegex(values);
    });
  // A `$` before `/` ends a regular expression; any other is a macro.
  const left = /\$(?!\/)[\w{]*/.exec(expanded);
  if (left) throw new Error(`an unknown macro is left: ${left[0]} in ${query}`);
  return expanded;
}
