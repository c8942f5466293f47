import { describe, expect, it } from 'vitest';
import { createSimulatedClock } from './clock.ts';

const START_MS = Date.parse('2026-06-01T00:00:00Z');

describe('the simulated clock', () => {
  it('never tells a time that the devices have not reached, and wakes those who wait for it', async () => {
    let worldMs = START_MS;
    const clock = createSimulatedClock({
      startMs: START_MS,
      speed: 3600,
      advance: async (toMs) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        worldMs = Math.min(toMs, START_MS + 600_000);
        return { atMs: worldMs };
      },
      onError: (error) => {
        throw error;
      },
    });
    clock.start();
    await clock.waitUntil(START_MS + 300_000);
    expect(clock.nowMs()).toBeGreaterThanOrEqual(START_MS + 300_000);
    expect(clock.nowMs()).toBeLessThanOrEqual(worldMs);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await clock.stop();
    expect(clock.nowMs()).toBe(START_MS + 600_000);
  });

  it('slows down instead of jumping when the world stalls', async () => {
    const targets: number[] = [];
    const clock = createSimulatedClock({
      startMs: START_MS,
      speed: 100,
      advance: async (toMs) => {
        targets.push(toMs);
        await new Promise((resolve) => setTimeout(resolve, 600));
        return { atMs: toMs };
      },
      onError: () => {},
    });
    clock.start();
    await new Promise((resolve) => setTimeout(resolve, 1400));
    await clock.stop();
    const steps = targets.map((target, index) => target - (targets[index - 1] ?? START_MS));
    expect(Math.max(...steps)).toBeLessThanOrEqual(250 * 100);
  });

  it('lets go of those who give up waiting', async () => {
    const clock = createSimulatedClock({
      startMs: START_MS,
      speed: 1,
      advance: async (atMs) => ({ atMs }),
      onError: () => {},
    });
    const controller = new AbortController();
    const waiting = clock.waitUntil(START_MS + 1000, controller.signal);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(clock.waitUntil(START_MS + 1000, controller.signal)).rejects.toThrow('enough');
    await clock.waitUntil(START_MS);
  });
});
