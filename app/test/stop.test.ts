import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { start, temporaryFolder } from './command.ts';

describe('Ctrl-C', { timeout: 120_000 }, () => {
  let remove = (): void => {};
  afterEach(() => remove());

  it.each([
    ['while the devices and the chain start', /the devices and the chain start/],
    ['while the gateways start', /gateways start/],
  ])('%s: stops cleanly, and the same command goes on', async (_when, moment) => {
    const folder = temporaryFolder();
    remove = folder.remove;
    const running = start('run', '--homes', '3', '--port', '0', '--state', join(folder.path, 'state'));
    await running.line(moment, 60_000);
    running.child.kill('SIGINT');
    expect(await running.exit(60_000)).toBe(0);
    expect(running.output()).toContain('the same command goes on from here');
  });
});
