import { findInfluxd, makeInfluxServer, type InfluxServer } from '@commonwatt/domain/testing';
import { CHROMIUM_FLAGS, findChromium } from '@commonwatt/web/testing/chromium';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Summary } from '../src/run/summary.ts';
import { start, temporaryFolder, type Running } from './command.ts';

const influxd = findInfluxd();
const browserPath = findChromium();
if (influxd === null) console.warn('left out: telemetry of a running neighbourhood, there is no influxd');
if (browserPath === null) console.warn('left out: the page of a running neighbourhood, there is no Chromium');

/** What an operator has on the screen while the neighbourhood runs: the time series and the page. */
describe('an operator watches five homes', { timeout: 180_000 }, () => {
  const folder = temporaryFolder();
  const summaryFile = join(folder.path, 'summary.json');
  let influx: InfluxServer | null = null;
  let running: Running;
  let address: string;

  beforeAll(async () => {
    if (influxd !== null) {
      influx = await makeInfluxServer(influxd);
      await influx.start();
    }
    const telemetry = influx === null ? [] : ['--influx', influx.url];
    const options = `run --homes 5 --slots 10 --speed 300 --port 0 --state ${join(folder.path, 'state')} --summary ${summaryFile}`;
    running = start(...options.split(' '), ...telemetry);
    [, address = ''] = await running.line(/the page is at (http:\/\/127\.0\.0\.1:\d+)/, 90_000);
    await running.line(/\(2 of 10\)/, 90_000);
  }, 240_000);
  afterAll(async () => {
    running.child.kill('SIGKILL');
    await influx?.remove();
    folder.remove();
  });

  it.skipIf(browserPath === null)('the page shows the homes and moves by itself', async () => {
    const browser = await chromium.launch({ executablePath: browserPath ?? '', args: CHROMIUM_FLAGS });
    try {
      const page = await browser.newPage();
      const complaints: string[] = [];
      page.on('pageerror', (error) => complaints.push(error.message));
      await page.goto(address);
      await page.getByText('home-05').filter({ visible: true }).first().waitFor({ timeout: 20_000 });
      const before = await page.locator('body').innerText();
      await page.waitForFunction((text) => document.body.innerText !== text, before, { timeout: 20_000 });
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
    }
  });

  it.skipIf(influxd === null)(
    'the time series fill, and InfluxDB may die without the market noticing',
    async () => {
      const count = await pointsOf(influx as InfluxServer, 'meter');
      expect(count).toBeGreaterThan(0);
      expect(await pointsOf(influx as InfluxServer, 'feeder')).toBeGreaterThan(0);
      for (const field of ['rtt_ms', 'skew_ms'])
        expect(await pointsOf(influx as InfluxServer, 'gateway', field)).toBeGreaterThan(0);
      for (const field of ['p10', 'p50', 'p90', 'actual'])
        expect(await pointsOf(influx as InfluxServer, 'forecast', field)).toBeGreaterThan(0);
      await influx?.kill();
    },
  );

  it('the run ends well all the same', async () => {
    expect(await running.exit(120_000)).toBe(0);
    const summary = JSON.parse(readFileSync(summaryFile, 'utf8')) as Summary;
    expect(summary.checks).toEqual({
      energyBalances: true,
      cashSumsToZero: true,
      chainMatchesStatements: true,
    });
    expect(summary.slotsSettled).toBe(10);
  });
});

async function pointsOf(influx: InfluxServer, measurement: string, field = 'p_w'): Promise<number> {
  const answer = await influx.query(`SELECT count(${field}) FROM ${measurement}`);
  return Number(answer.results?.[0]?.series?.[0]?.values[0]?.[1] ?? 0);
}
