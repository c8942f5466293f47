import { expect, it } from 'vitest';
import { lostAfterKill } from './ingest.bench.ts';

it('keeps every acknowledged order through kill -9 under load', async () => {
  const { acknowledged, lost } = await lostAfterKill(8000, 400);
  expect(acknowledged).toBeGreaterThan(0);
  expect(lost).toBe(0);
});
