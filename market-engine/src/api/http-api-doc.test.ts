import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CommonwattError, ERROR_CODES, toProblem } from '@commonwatt/domain';
import { openMarket } from '../service/open-market.ts';
import { COMMUNITY, SLOT, makeStage } from '../service/test-kit.ts';
import { buildMarketServer } from './server.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../../../docs/http-api.md'), 'utf8');

it('lists every error code with its status', () => {
  const listed = [...PAGE.matchAll(/^\| `([a-z-]+)` \| (\d{3}) \|/gm)].map(
    ([, code, status]) => `${code} ${status}`,
  );
  const real = ERROR_CODES.map((code) => `${code} ${toProblem(new CommonwattError(code, '')).status}`);
  expect(listed.sort()).toEqual(real.sort());
});

it('names every path of the API', async () => {
  const stage = makeStage();
  const market = await openMarket(stage.options);
  const server = await buildMarketServer(market, { port: 0 });
  await server.ready();
  const { paths = {} } = server.swagger() as { paths?: Record<string, object> };
  expect(
    Object.keys(paths).filter((path) => !PAGE.includes(path.replace('/v1/participants', '/participants'))),
  ).toEqual([]);
  await server.close();
  await market.stop();
  stage.remove();
});

it('has an example that works', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'commonwatt-doc-'));
  const script = join(folder, 'order.mjs');
  writeFileSync(script, /```js\n([\s\S]*?)```/.exec(PAGE)?.[1] ?? '');
  const seed = `00000001${'0'.repeat(56)}`;
  const body = execFileSync(process.execPath, [script, seed, COMMUNITY, 'home-01', SLOT], {
    encoding: 'utf8',
  });
  rmSync(folder, { recursive: true });
  const stage = makeStage();
  const market = await openMarket(stage.options);
  expect(await market.submitOrder(JSON.parse(body))).toEqual({ order: 'home-01-1', revision: 0, slot: SLOT });
  await market.stop();
  stage.remove();
});
