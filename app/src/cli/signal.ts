import { CommonwattError, toProblem, type DemandSignal } from '@commonwatt/domain';
import { randomUUID } from 'node:crypto';
import type { Command } from '../main.ts';
import { signerOfState } from '../run/keys.ts';
import { givenPassphrase } from '../run/passphrase.ts';
import { readOptions, wholeNumber } from './options.ts';
import { findStateDir, runningIn } from './states.ts';

const DEADLINE_MS = 10_000;

const HELP = `commonwatt signal --import-limit-w W --from TIME --to TIME [--feeder NAME] [--state DIR] [--passphrase-file FILE]

Asks the running neighbourhood to keep the feeder's import below W in [from, to).
TIME is in the neighbourhood's own time: ISO 8601 (2026-06-01T18:00Z), HH:MM of its day (UTC), or +90m, +2h from its now.`;

/** Sends a signed demand signal to a running neighbourhood. */
export const signalCommand: Command = async (args) => {
  const { values } = readOptions(args, {
    'import-limit-w': { type: 'string' },
    from: { type: 'string' },
    to: { type: 'string' },
    feeder: { type: 'string' },
    state: { type: 'string' },
    'passphrase-file': { type: 'string' },
    help: { type: 'boolean' },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const limitW = wholeNumber('import-limit-w', values['import-limit-w'], 0, 1_000_000_000);
  if (limitW === undefined || values.from === undefined || values.to === undefined) {
    throw new CommonwattError('malformed', '--import-limit-w, --from and --to are needed', {
      remedy: 'commonwatt signal --help',
    });
  }
  const dir = findStateDir(values.state, (candidate) => runningIn(candidate) !== null);
  const running = runningIn(dir);
  if (running === null)
    throw new CommonwattError('unavailable', `no neighbourhood runs in ${dir}`, { remedy: 'start it first' });
  const { nowMs } = (await call(`${running.address}/v1/clock`)) as { nowMs: number };
  const payload: DemandSignal = {
    type: 'signal',
    community: running.community,
    id: `signal-${randomUUID().slice(0, 8)}`,
    feeder: values.feeder ?? 'feeder-1',
    kind: 'import-limit',
    limitW,
    fromMs: timeOf('from', values.from, nowMs),
    toMs: timeOf('to', values.to, nowMs),
    issuedAtMs: nowMs,
  };
  const operator = await signerOfState(dir, 'operator', givenPassphrase(values['passphrase-file']));
  await call(`${running.address}/v1/signals`, operator.sign(payload));
  const iso = (ms: number): string => new Date(ms).toISOString();
  console.log(
    `${payload.id}: import at most ${limitW} W from ${iso(payload.fromMs)} to ${iso(payload.toMs)} (now ${iso(nowMs)})`,
  );
  return 0;
};

/** A moment in the neighbourhood's time, ms. Errors: `malformed` with the option's name. */
export function timeOf(option: string, text: string, nowMs: number): number {
  const ahead = /^\+(\d{1,5})(m|h|s)$/.exec(text);
  if (ahead)
    return (
      nowMs + Number(ahead[1]) * ({ s: 1000, m: 60_000, h: 3_600_000 }[ahead[2] as 's' | 'm' | 'h'] ?? 0)
    );
  const ofDay = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text);
  if (ofDay)
    return Math.floor(nowMs / 86_400_000) * 86_400_000 + (Number(ofDay[1]) * 60 + Number(ofDay[2])) * 60_000;
  const iso = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/.test(text)
    ? Date.parse(/[Zz]$|[+-]\d\d:\d\d$/.test(text) || !text.includes('T') ? text : `${text}Z`)
    : Number.NaN;
  if (Number.isNaN(iso)) {
    throw new CommonwattError('malformed', `--${option} ${JSON.stringify(text)} is no time`, {
      field: option,
      remedy: 'give 2026-06-01T18:00Z, 18:00 or +90m',
    });
  }
  return iso;
}

async function call(url: string, body?: unknown): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(url, {
      signal: AbortSignal.timeout(DEADLINE_MS),
      ...(body === undefined
        ? {}
        : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
  } catch (error) {
    throw new CommonwattError(
      'unavailable',
      `${url} does not answer: ${(error as Error).message}`,
      {},
      { cause: error },
    );
  }
  const answer = (await response.json()) as unknown;
  if (response.ok) return answer;
  const problem = answer as ReturnType<typeof toProblem>;
  throw new CommonwattError('malformed', `refused: ${problem.detail}`, {
    ...(problem.field === undefined ? {} : { field: problem.field }),
    ...(problem.remedy === undefined ? {} : { remedy: problem.remedy }),
  });
}
