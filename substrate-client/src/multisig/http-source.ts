import { CommonwattError, type Signed } from '@commonwatt/domain';
import type { ProposalSource, Verdict } from './proposal.ts';

const DEADLINE_MS = 10_000;
/** A slot of a thousand homes is some 10 MB. */
const BYTES_MAX = 64 * 1024 * 1024;
const ROOT_PATTERN = /^[0-9a-f]{64}$/;

/** Proposals over the proposing node's public HTTP API. Every question has a deadline and a limit on the answer's size. */
export function httpSource(baseUrl: string): ProposalSource {
  const base = baseUrl.replace(/\/+$/, '');
  const get = (path: string): Promise<unknown> => ask(`${base}${path}`);
  return {
    name: base,
    proposals: async () => {
      const found = await get('/v1/settlement/proposals');
      if (!Array.isArray(found)) throw new CommonwattError('malformed', `${base} gives no list of proposals`);
      return found as unknown[];
    },
    record: (root) => get(`/v1/settlement/batches/${checkedRoot(root)}`),
    records: (root) => get(`/v1/settlement/slots/${checkedRoot(root)}`),
    report: async (verdict: Signed<Verdict>) => {
      try {
        await ask(`${base}/v1/settlement/verdicts`, JSON.stringify(verdict));
      } catch (error) {
        // Something else is proposed by now: this verdict is nobody's business any more.
        if (!(error instanceof CommonwattError) || error.code !== 'conflict') throw error;
      }
    },
  };
}

function checkedRoot(root: string): string {
  if (!ROOT_PATTERN.test(root)) throw new CommonwattError('malformed', 'a root has 64 hex digits');
  return root;
}

async function ask(url: string, body?: string): Promise<unknown> {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(url, {
      signal,
      ...(body === undefined
        ? {}
        : { method: 'POST', body, headers: { 'content-type': 'application/json' } }),
    });
    text = await limited(answer, url);
  } catch (error) {
    if (error instanceof CommonwattError) throw error;
    throw new CommonwattError('unavailable', `${url} does not answer`, {}, { cause: error });
  }
  if (answer.ok) return text === '' ? null : parse(text, url);
  const code = answer.status === 404 ? 'not-found' : answer.status === 409 ? 'conflict' : 'unavailable';
  throw new CommonwattError(code, `${url} answers ${answer.status}: ${text.slice(0, 200)}`);
}

async function limited(answer: Response, url: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  if (answer.body === null) return '';
  for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > BYTES_MAX)
      throw new CommonwattError('too-large', `${url} answers with more than ${BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string, url: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CommonwattError('malformed', `${url} does not answer in JSON`, {}, { cause: error });
  }
}
