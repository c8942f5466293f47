import { expect, test } from 'vitest';
import { fixtureView } from '../test/fixture.ts';
import { followNeighbourhood, readView, type LiveState } from './live.ts';

/** A browser made of plain objects: sources that are told what to say, timers that go off when asked. */
function fakeHost() {
  const sources: { say: (type: string, data?: unknown) => void; closed: boolean }[] = [];
  let timer: { run: () => void; afterMs: number } | null = null;
  const states: LiveState[] = [];
  const stop = followNeighbourhood(
    'events',
    {
      nowMs: () => 42,
      setTimer: (run, afterMs) => (timer = { run, afterMs }),
      clearTimer: () => (timer = null),
      openEvents: () => {
        const listeners = new Map<string, (event: { data?: unknown }) => void>();
        const source = {
          closed: false,
          say: (type: string, data?: unknown) => listeners.get(type)?.({ data }),
        };
        sources.push(source);
        return {
          addEventListener: (type, listen) => listeners.set(type, listen),
          close: () => (source.closed = true),
        };
      },
    },
    (state) => states.push(state),
  );
  const fire = () => {
    const due = timer;
    timer = null;
    due?.run();
    return due?.afterMs;
  };
  return { sources, states, stop, fire, last: () => states.at(-1), pending: () => timer };
}

const view = JSON.stringify(fixtureView({ homes: 2, seed: 1, startMs: 0 }, 0));

test('goes live with the first view', () => {
  const host = fakeHost();
  host.sources[0]?.say('view', view);
  expect(host.last()).toMatchObject({ link: 'live', heardAtMs: 42, trouble: null });
});

test('keeps the last view while it reconnects, with growing pauses that a view resets', () => {
  const host = fakeHost();
  host.sources[0]?.say('view', view);
  const pauses: (number | undefined)[] = [];
  for (let i = 0; i < 6; i += 1) {
    host.sources.at(-1)?.say('error');
    pauses.push(host.fire());
  }
  expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 8000]);
  expect(host.last()).toMatchObject({ link: 'reconnecting' });
  expect(host.last()?.view?.homes).toHaveLength(2);
  host.sources.at(-1)?.say('view', view);
  host.sources.at(-1)?.say('error');
  expect(host.fire()).toBe(500);
  expect(host.sources.slice(0, -1).every((source) => source.closed)).toBe(true);
});

test('silence counts as a loss', () => {
  const host = fakeHost();
  host.sources[0]?.say('view', view);
  expect(host.fire()).toBe(6000);
  expect(host.last()?.link).toBe('reconnecting');
});

test('a stale source says nothing any more, a stopped client neither', () => {
  const host = fakeHost();
  host.sources[0]?.say('error');
  host.fire();
  host.sources[0]?.say('view', view);
  expect(host.last()?.view).toBeNull();
  host.stop();
  const before = host.states.length;
  host.sources[1]?.say('error');
  expect(host.states).toHaveLength(before);
});

test.each(['', 'null', '{}', '[]', '{"nowMs":1}', view.replace('"homes":[', '"homes":{"x":[').slice(0, -1)])(
  'no view is made of %#',
  (data) => expect(readView(data)).toBeNull(),
);
