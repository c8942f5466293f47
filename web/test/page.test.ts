import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { chromium, type Browser, type Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM_FLAGS, findChromium } from './chromium.ts';
import { fixtureView } from './fixture.ts';
import { startFixtureServer, type FixtureServer } from './fixture-server.ts';

const executablePath = findChromium();
if (executablePath === null)
  console.warn('web: the page is not looked at, there is no Chromium on this machine');

const BUNDLE_GZIP_BYTES_MAX = 60_000;
/** Set to a folder to keep the screenshots. */
const shotsDir = process.env['SCREENSHOTS'];
const NOON = { homes: 20, seed: 7, startMs: Date.parse('2026-06-01T12:50:00Z') };

let distDir = '';
beforeAll(async () => {
  distDir = await mkdtemp(join(tmpdir(), 'commonwatt-web-'));
  await build({
    configFile: join(import.meta.dirname, '../vite.config.ts'),
    logLevel: 'error',
    build: { outDir: distDir, emptyOutDir: true },
  });
});
afterAll(() => rm(distDir, { recursive: true, force: true }));

test('the bundle is small, and its page names no host and nothing absolute', async () => {
  const assets = await readdir(join(distDir, 'assets'));
  let bytes = 0;
  for (const asset of assets) bytes += gzipSync(await readFile(join(distDir, 'assets', asset))).length;
  expect(bytes).toBeLessThan(BUNDLE_GZIP_BYTES_MAX);
  const html = await readFile(join(distDir, 'index.html'), 'utf8');
  expect(html).not.toMatch(/(src|href)="(\/|https?:)/);
  expect(html).not.toMatch(/<style|style=|<script(?![^>]*\ssrc=)/);
});

describe.skipIf(executablePath === null)('in Chromium', { timeout: 90_000 }, () => {
  let browser: Browser;
  let server: FixtureServer;
  const complaints: string[] = [];

  beforeAll(async () => {
    server = await startFixtureServer(distDir, NOON);
    browser = await chromium.launch({ executablePath: executablePath ?? '', args: CHROMIUM_FLAGS });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  async function open(
    options: Parameters<Browser['newPage']>[0],
    hash = '',
    url = server.url,
  ): Promise<Page> {
    const page = await browser.newPage(options);
    complaints.length = 0;
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(`${url}${hash}`);
    return page;
  }
  async function shoot(page: Page, name: string): Promise<void> {
    await page.waitForTimeout(900);
    if (shotsDir !== undefined)
      await page.screenshot({ path: join(shotsDir, `${name}.png`), fullPage: true });
  }
  const DESKTOP = { viewport: { width: 1360, height: 900 } } as const;
  const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true } as const;

  test('draws every home, changes by itself and says nothing on the console', async () => {
    const page = await open({ ...DESKTOP, colorScheme: 'light' });
    await page.locator('.link-live').waitFor();
    expect(await page.locator('a.house').count()).toBe(NOON.homes);
    expect(await page.locator('table.homes tbody tr').count()).toBe(NOON.homes);
    expect(await page.locator('.chart canvas').count()).toBe(4);
    const clock = await page.locator('.clock strong').textContent();
    const net = await page.locator('.house-net').allTextContents();
    await page.waitForFunction((was) => document.querySelector('.clock strong')?.textContent !== was, clock);
    await expect.poll(() => page.locator('.house-net').allTextContents()).not.toEqual(net);
    const offset = () =>
      page
        .locator('.flows')
        .first()
        .evaluate((g) => getComputedStyle(g).strokeDashoffset);
    const stood = await offset();
    await expect.poll(offset).not.toBe(stood);
    await shoot(page, 'desktop-light');
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('fits a phone, in the dark, without scrolling sideways', async () => {
    const page = await open({ ...PHONE, colorScheme: 'dark' });
    await page.locator('.link-live').waitFor();
    await shoot(page, 'phone-dark');
    const widths = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    expect(widths[0]).toBeLessThanOrEqual(widths[1] ?? 0);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('the table sorts by keyboard and a household has its own page', async () => {
    const page = await open({ ...DESKTOP, colorScheme: 'dark' });
    const head = page.locator('table.homes th button', { hasText: 'Saved' });
    await head.focus();
    await page.keyboard.press('Enter');
    const saved = await page.locator('table.homes tbody td:last-child').allTextContents();
    const amounts = saved.map((text) => Number(text.replace('\u2212', '-').replace(/[^\d.-]/g, '')));
    expect(amounts).toEqual(amounts.toSorted((a, b) => b - a));
    await page.locator('table.homes a', { hasText: 'home-03' }).click();
    await page.locator('h1', { hasText: 'home-03' }).waitFor();
    await page.locator('.chart canvas').waitFor();
    await shoot(page, 'home-dark');
    expect(await page.locator('.home-flows .flow').count()).toBeGreaterThan(0);
    await page.goto(`${server.url}#/chain`);
    await page.locator('table.batches').waitFor();
    await shoot(page, 'chain-dark');
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('says so when the server goes away, and goes on when it is back', async () => {
    const mine = await startFixtureServer(distDir, NOON);
    const page = await open(DESKTOP, '', mine.url);
    await page.locator('.link-live').waitFor();
    await mine.stop();
    await page.locator('.link-reconnecting').waitFor();
    expect(await page.locator('a.house').count()).toBe(NOON.homes);
    const back = await startFixtureServer(distDir, NOON, Number(new URL(mine.url).port));
    await page.locator('.link-live').waitFor({ timeout: 15_000 });
    await page.close();
    await back.stop();
  });

  test('a view that cannot be drawn does not empty the page', async () => {
    const page = await browser.newPage(DESKTOP);
    await page.route('**/events', async (route) => {
      const view = fixtureView(NOON, 0);
      const broken = { ...view, homes: [{ ...view.homes[0], devices: null, battery: 7, flags: null }] };
      const events = [broken, { ...view, nowMs: view.nowMs + 1000 }].map(
        (v) => `event: view\ndata: ${JSON.stringify(v)}\n\n`,
      );
      await route.fulfill({
        contentType: 'text/event-stream',
        body: page.url().includes('late') ? events.join('') : events[0]!,
      });
    });
    await page.goto(server.url);
    await page.locator('h1', { hasText: 'could not be drawn' }).waitFor();
    await page.goto(`${server.url}?late`);
    await page.locator('a.house').first().waitFor();
    expect(await page.locator('a.house').count()).toBe(NOON.homes);
    await page.close();
  });

  test.each([
    ['evening-light', { homes: 20, seed: 3, startMs: Date.parse('2026-06-01T18:40:00Z') }],
    ['hundred-homes', { homes: 100, seed: 5, startMs: Date.parse('2026-06-01T10:05:00Z') }],
    ['first-minute', { homes: 5, seed: 5, startMs: Date.parse('2026-06-01T00:01:00Z') }],
  ])('%s', async (name, options) => {
    const mine = await startFixtureServer(distDir, options);
    const page = await open({ ...DESKTOP, colorScheme: 'light' }, '', mine.url);
    await page.locator('.link-live').waitFor();
    await shoot(page, name);
    expect(await page.locator('a.house').count()).toBe(options.homes);
    expect(complaints).toEqual([]);
    await page.close();
    await mine.stop();
  });
});
