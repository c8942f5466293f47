import { CommonwattError } from '@commonwatt/domain';
import { parseArgs, type ParseArgsConfig } from 'node:util';

type OptionTable = NonNullable<ParseArgsConfig['options']>;

/** Reads options strictly. Unknown or repeated-by-mistake options, and values missing, are a `malformed` error that names the option. */
export function readOptions<T extends OptionTable>(args: readonly string[], options: T, positionals = 0) {
  let parsed;
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: positionals > 0, strict: true });
  } catch (error) {
    const text = error instanceof Error ? (error.message.split('. ')[0] ?? '') : String(error);
    throw new CommonwattError(
      'malformed',
      text,
      { remedy: 'use --help to see the options' },
      { cause: error },
    );
  }
  if (parsed.positionals.length > positionals) {
    throw new CommonwattError(
      'malformed',
      `unexpected argument ${JSON.stringify(parsed.positionals[positionals])}`,
    );
  }
  return parsed;
}

/** A whole number within [min, max], or the default when the option is absent. */
export function wholeNumber(
  option: string,
  text: string | undefined,
  min: number,
  max: number,
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d{1,15}$/.test(text) || value < min || value > max) {
    throw new CommonwattError(
      'out-of-range',
      `--${option} takes a whole number from ${min} to ${max}, got ${JSON.stringify(text)}`,
      {
        field: option,
      },
    );
  }
  return value;
}

/** The address of a chain's node. Throws `malformed` on anything but ws:// or wss://. */
export function nodeUrl(text: string): string {
  if (!URL.canParse(text) || !/^wss?:$/.test(new URL(text).protocol)) {
    throw new CommonwattError(
      'malformed',
      `--chain takes the address of a node, ws:// or wss://, got ${JSON.stringify(text)}`,
      { field: 'chain' },
    );
  }
  return text;
}

/** The address of a server. Throws `malformed` on anything but http:// or https://. */
export function httpUrl(option: string, text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new CommonwattError('malformed', `--${option} takes an http address, got ${JSON.stringify(text)}`, {
      field: option,
    });
  }
  return text;
}
