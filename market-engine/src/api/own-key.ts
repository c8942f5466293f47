import { CommonwattError, signatureHolds } from '@commonwatt/domain';

/**
 * What a household signs to read its own orders and statements, with the same ed25519 key as for its orders (who has left can still
 * read), and the operator to let a slot go on.
 */
export interface RequestPayload {
  readonly type: 'request';
  readonly community: string;
  readonly method: string;
  /** Path and query, as sent. */
  readonly path: string;
  /** Wall clock, ms since 1970. */
  readonly timeMs: number;
}

/**
 * A signature is good for so long before and after its time. What it opens is reading, or an effect that the slot's state allows once, so a
 * replay gains nothing new.
 */
export const REQUEST_WINDOW_MS = 5 * 60_000;

const HEADER = /^Commonwatt key=([0-9a-f]{64}),time=(\d{1,16}),signature=([0-9a-f]{128})$/;

/** The value of the `authorization` header for a signed request. */
export function ownKeyHeader(key: string, timeMs: number, signature: string): string {
  return `Commonwatt key=${key},time=${timeMs},signature=${signature}`;
}

/**
 * Whose request this is. Throws `unsigned` without the header, `malformed`, `too-late` (outside the window), `bad-signature`, or what
 * `ownerOf` throws for a key that is nobody's here.
 */
export function readRequestKey<T>(
  header: string | undefined,
  request: { readonly community: string; readonly method: string; readonly path: string },
  ownerOf: (key: string) => T,
  wallMs: number,
): T {
  const remedy =
    'send authorization: Commonwatt key=<hex>,time=<ms>,signature=<hex> over {community, method, path, timeMs, type: "request"}';
  if (header === undefined) {
    throw new CommonwattError('unsigned', 'this is not for everybody: the request must be signed', {
      field: 'authorization',
      remedy,
    });
  }
  const match = HEADER.exec(header);
  if (match === null) {
    throw new CommonwattError('malformed', 'the authorization header is not of the form that is expected', {
      field: 'authorization',
      remedy,
    });
  }
  const [, key = '', time = '', signature = ''] = match;
  const timeMs = Number(time);
  if (Math.abs(wallMs - timeMs) > REQUEST_WINDOW_MS) {
    throw new CommonwattError('too-late', `the request was signed at ${timeMs}; it is ${wallMs}`, {
      field: 'authorization',
      rule: `a signed request is good for ${REQUEST_WINDOW_MS / 1000} s`,
      remedy: 'sign again, with a clock that is right',
    });
  }
  const payload: RequestPayload = { type: 'request', ...request, timeMs };
  const owner = ownerOf(key);
  if (signatureHolds({ payload, key, signature })) return owner;
  throw new CommonwattError('bad-signature', 'the signature does not hold for this request', {
    field: 'authorization',
    remedy,
  });
}
