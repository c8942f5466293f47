import { CommonwattError } from '@commonwatt/domain';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** What a running neighbourhood says of itself in its state folder. */
export interface Running {
  readonly address: string;
  readonly pid: number;
  readonly community: string;
  readonly chain: string;
}

/** Folders under `state/` that hold a neighbourhood. */
function neighbourhoods(): string[] {
  if (!existsSync('state')) return [];
  return readdirSync('state')
    .map((name) => resolve('state', name))
    .filter((dir) => existsSync(join(dir, 'neighbourhood.json')));
}

/** The folder of --state; without it, the only one under `state/`. Errors: `not-found`, `conflict` (several). */
export function findStateDir(
  option: string | undefined,
  among: (dir: string) => boolean = () => true,
): string {
  if (option !== undefined) {
    const dir = resolve(option);
    if (!existsSync(join(dir, 'neighbourhood.json'))) {
      throw new CommonwattError('not-found', `${dir} holds no neighbourhood`, {
        field: 'state',
        remedy: 'give the --state of a run',
      });
    }
    return dir;
  }
  const found = neighbourhoods().filter(among);
  const [first, ...others] = found;
  if (first === undefined) {
    throw new CommonwattError('not-found', 'there is no such neighbourhood under state/', {
      remedy: 'run `npm start`, or give --state',
    });
  }
  if (others.length > 0) {
    throw new CommonwattError('conflict', `there are several: ${found.join(', ')}`, {
      remedy: 'say which with --state',
    });
  }
  return first;
}

/** The running neighbourhood of a state folder, or null when none runs there. */
export function runningIn(dir: string): Running | null {
  const file = join(dir, 'running.json');
  if (!existsSync(file)) return null;
  const running = JSON.parse(readFileSync(file, 'utf8')) as Running;
  try {
    process.kill(running.pid, 0);
    return running;
  } catch {
    return null;
  }
}
