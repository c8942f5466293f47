import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realCrashRun, socketSweep } from '../testing/real-crash-run.ts';
import { openRealPlace, type RealPlace } from '../testing/real-place.ts';

/** A sample; `npm run soak` runs fifty lives, and a cut at every message. */
describe('settlement on the real runtime, through everything that can go wrong', { timeout: 240_000 }, () => {
  let place: RealPlace;
  beforeAll(async () => {
    place = await openRealPlace();
  });
  afterAll(() => place?.close());

  it('pays once through a random life', async () => {
    const counts = await realCrashRun(2, place);
    expect(counts.crashes + counts.cutSockets + counts.swallowedMessages).toBeGreaterThan(3);
    expect(counts.reorganisations).toBeGreaterThan(0);
  });

  it('pays once when the socket is cut', async () => {
    const { messages, lives } = await socketSweep(place, { stride: 31 });
    expect(messages).toBeGreaterThan(20);
    expect(lives).toBeGreaterThan(1);
  });
});
