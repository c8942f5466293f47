/**
 * Errors people can act on. `code` is stable and documented; `detail` says what is wrong and where; `remedy` what to do.
 * Over HTTP an error is a problem document (RFC 9457).
 */
export type ErrorCode =
  | 'malformed'
  | 'out-of-range'
  | 'unsigned'
  | 'bad-signature'
  | 'unknown-participant'
  | 'unknown-gateway'
  | 'unknown-slot'
  | 'unknown-order'
  | 'wrong-community'
  | 'gate-closed'
  | 'not-yet-open'
  | 'too-late'
  | 'duplicate'
  | 'self-trade'
  | 'limit-exceeded'
  | 'no-collateral'
  | 'forbidden'
  | 'not-found'
  | 'too-large'
  | 'rate-limited'
  | 'unavailable'
  | 'conflict'
  | 'internal';

export interface ErrorPlace {
  /** The record at fault: an order's id, a gateway and sequence, a file. */
  readonly record?: string;
  /** The field at fault, as a path: `payload.energyWh`. */
  readonly field?: string;
  /** The rule that was broken, in words. */
  readonly rule?: string;
  readonly remedy?: string;
}

export class CommonwattError extends Error {
  override readonly name = 'CommonwattError';
  readonly code: ErrorCode;
  readonly place: ErrorPlace;

  constructor(code: ErrorCode, detail: string, place: ErrorPlace = {}, options?: ErrorOptions) {
    super(detail, options);
    this.code = code;
    this.place = place;
  }
}

/** RFC 9457 problem document; `type` is `urn:commonwatt:problem:<code>`. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance?: string;
  readonly record?: string;
  readonly field?: string;
  readonly rule?: string;
  readonly remedy?: string;
}

const STATUS: Record<ErrorCode, readonly [status: number, title: string]> = {
  malformed: [400, 'The request is malformed'],
  'out-of-range': [422, 'A value is out of range'],
  unsigned: [401, 'The request is not signed'],
  'bad-signature': [401, 'The signature does not hold'],
  'unknown-participant': [403, 'The participant is not known here'],
  'unknown-gateway': [403, 'The gateway is not registered'],
  'unknown-slot': [404, 'There is no such slot'],
  'unknown-order': [404, 'There is no such order'],
  'wrong-community': [403, 'This is another community'],
  'gate-closed': [409, 'The gate has closed'],
  'not-yet-open': [409, 'The slot is not open yet'],
  'too-late': [409, 'Too late'],
  duplicate: [409, 'Already taken'],
  'self-trade': [422, 'The order would trade with its own side'],
  'limit-exceeded': [422, 'A limit of the participant is exceeded'],
  'no-collateral': [422, 'Balance or approval on chain is too small'],
  forbidden: [403, 'Not yours to see or do'],
  'not-found': [404, 'There is nothing here'],
  'too-large': [413, 'The request is too large'],
  'rate-limited': [429, 'Too many requests'],
  unavailable: [503, 'Not available now'],
  conflict: [409, 'This contradicts what is already here'],
  internal: [500, 'Something failed here'],
};

/** The documented HTTP form of an error. Unknown errors become `internal` and reveal nothing but their message's first line. */
export function toProblem(error: unknown, instance?: string): ProblemDocument {
  const known = error instanceof CommonwattError ? error : new CommonwattError('internal', firstLine(error));
  const [status, title] = STATUS[known.code];
  return {
    type: `urn:commonwatt:problem:${known.code}`,
    title,
    status,
    detail: known.message,
    ...(instance === undefined ? {} : { instance }),
    ...known.place,
  };
}

export const ERROR_CODES = Object.keys(STATUS) as readonly ErrorCode[];

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n', 1)[0] ?? '';
}
