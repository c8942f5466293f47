/** Says what is wrong with a value, or nothing. `path` names the value in the sentence. */
export type Shape = (value: unknown, path: string) => string | undefined;

/** An object with exactly these members; those in `optional` may be left out. */
export function object(members: Readonly<Record<string, Shape>>, optional: readonly string[] = []): Shape {
  return (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return `${path} is not an object`;
    for (const name of Object.keys(value)) {
      if (!Object.hasOwn(members, name)) return `${path}.${name} is no member of this record`;
    }
    for (const [name, shape] of Object.entries(members)) {
      const member = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
      if (member === undefined && optional.includes(name)) continue;
      const problem = shape(member, `${path}.${name}`);
      if (problem) return problem;
    }
    return undefined;
  };
}

export function list(item: Shape): Shape {
  return (value, path) => {
    if (!Array.isArray(value)) return `${path} is not a list`;
    for (const [index, member] of value.entries()) {
      const problem = item(member, `${path}[${index}]`);
      if (problem) return problem;
    }
    return undefined;
  };
}

export function whole(min: number, max: number = Number.MAX_SAFE_INTEGER): Shape {
  return (value, path) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
      ? undefined
      : `${path} is not a whole number from ${min} to ${max}`;
}

export function nullable(shape: Shape): Shape {
  return (value, path) => (value === null ? undefined : shape(value, path));
}

export function oneOf(...allowed: readonly (string | number)[]): Shape {
  return (value, path) =>
    allowed.includes(value as string) ? undefined : `${path} is not one of ${allowed.join(', ')}`;
}

/** A text of which `isRight` holds. */
export function text(what: string, isRight: (value: string) => boolean): Shape {
  return (value, path) =>
    typeof value === 'string' && isRight(value) ? undefined : `${path} is not ${what}`;
}

export const truth: Shape = (value, path) =>
  typeof value === 'boolean' ? undefined : `${path} is neither true nor false`;
