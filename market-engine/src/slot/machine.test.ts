import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { getShortestPaths } from 'xstate/graph';
import { DEFAULT_RULES } from '@commonwatt/domain';
import { slotDeadlines } from './deadlines.ts';
import {
  ATTEMPTS_MAX,
  RETRY_FIRST_MS,
  RETRY_MAX_MS,
  SLOT_STATES,
  retryDelayMs,
  slotMachine,
  type SlotMachineEvent,
  type SlotState,
} from './machine.ts';
import {
  firstSnapshot,
  nextDeadlineMs,
  outstandingEffects,
  restoreSnapshot,
  stateOf,
  step,
  storeSnapshot,
  type SlotSnapshot,
  type StoredSlotState,
} from './step.ts';

const SLOT = '2026-06-01T12:00:00Z';
const DEADLINES = slotDeadlines(SLOT, { ...DEFAULT_RULES, community: 'c' });
const INPUT = { slot: SLOT, deadlines: DEADLINES, settleWithinMs: 3_600_000 };
const { gateClosesMs, startsMs, endsMs, meteringEndsMs } = DEADLINES;
const tick = (nowMs: number): SlotMachineEvent => ({ type: 'clock.tick', nowMs });
const cleared = (volumeWh: number): SlotMachineEvent => ({ type: 'book.cleared', volumeWh });
const failed: SlotMachineEvent = { type: 'settlement.failed', why: 'no chain' };
const final: SlotMachineEvent = { type: 'settlement.final', batchId: 'b1' };
const stuck: SlotMachineEvent = { type: 'stuck', why: 'no' };
const complete: SlotMachineEvent = { type: 'readings.complete' };
const ready: SlotMachineEvent = { type: 'statement.ready' };
const retry: SlotMachineEvent = { type: 'operator.retry' };

/** How to get a slot into each state. */
const WAY: Record<SlotState, readonly SlotMachineEvent[]> = {
  open: [],
  gateClosed: [tick(gateClosesMs)],
  cleared: [tick(gateClosesMs), cleared(5)],
  empty: [tick(gateClosesMs), cleared(0)],
  delivering: [tick(gateClosesMs), cleared(5), tick(startsMs)],
  metering: [tick(gateClosesMs), cleared(5), tick(endsMs)],
  metered: [tick(gateClosesMs), cleared(5), tick(endsMs), complete],
  settling: [tick(gateClosesMs), cleared(5), tick(endsMs), complete, ready],
  retryWait: [tick(gateClosesMs), cleared(5), tick(endsMs), complete, ready, failed],
  settled: [tick(gateClosesMs), cleared(5), tick(endsMs), complete, ready, final],
  needsOperator: [tick(gateClosesMs), cleared(5), tick(endsMs), complete, ready, stuck],
};

function after(events: readonly SlotMachineEvent[]): SlotSnapshot {
  return events.reduce((snapshot, event) => step(snapshot, event).snapshot, firstSnapshot(INPUT));
}

describe('the slot machine', () => {
  it.each([
    ['open', 'a tick before the gate', tick(gateClosesMs - 1), 'open', []],
    ['open', 'a tick at the gate', tick(gateClosesMs), 'gateClosed', ['clearBook']],
    ['open', 'a tick long after', tick(meteringEndsMs), 'gateClosed', ['clearBook']],
    ['gateClosed', 'trades', cleared(1), 'cleared', []],
    ['gateClosed', 'no trades', cleared(0), 'empty', []],
    ['gateClosed', 'a tick at the start', tick(startsMs), 'gateClosed', []],
    ['gateClosed', 'a book that cannot be cleared', stuck, 'needsOperator', []],
    ['cleared', 'a tick at the start', tick(startsMs), 'delivering', []],
    ['cleared', 'a tick at the end', tick(endsMs), 'metering', ['askReadings']],
    ['cleared', 'a tick after the metering deadline', tick(meteringEndsMs), 'metered', ['checkStatement']],
    ['empty', 'a tick at the start', tick(startsMs), 'delivering', []],
    ['empty', 'a tick after the metering deadline', tick(meteringEndsMs), 'metered', ['checkStatement']],
    ['delivering', 'readings that come too early', complete, 'delivering', []],
    ['delivering', 'a tick at the end', tick(endsMs), 'metering', ['askReadings']],
    ['metering', 'the last reading', complete, 'metered', ['checkStatement']],
    ['metering', 'a tick before the deadline', tick(meteringEndsMs - 1), 'metering', []],
    ['metering', 'a tick at the deadline', tick(meteringEndsMs), 'metered', ['checkStatement']],
    ['metered', 'a statement that holds', ready, 'settling', ['startSettlement']],
    ['metered', 'a statement that does not', stuck, 'needsOperator', []],
    ['settling', 'a final batch', final, 'settled', []],
    ['settling', 'a failure', failed, 'retryWait', []],
    ['settling', 'no answer in time', tick(endsMs + 3_600_000), 'retryWait', []],
    ['settling', 'a refusal', stuck, 'needsOperator', []],
    ['retryWait', 'a tick too early', tick(endsMs + RETRY_FIRST_MS - 1), 'retryWait', []],
    ['retryWait', 'a tick when due', tick(endsMs + RETRY_FIRST_MS), 'settling', ['startSettlement']],
    ['retryWait', 'the attempt before comes true', final, 'settled', []],
    ['needsOperator', 'a tick', tick(endsMs * 2), 'needsOperator', []],
    ['needsOperator', "the operator's retry", retry, 'settling', ['startSettlement']],
    ['settled', 'anything', failed, 'settled', []],
    ['settled', 'a tick', tick(endsMs * 2), 'settled', []],
  ] as const)('%s: %s', (from, _what, event, to, effects) => {
    const before = after(WAY[from]);
    expect(stateOf(before)).toBe(from);
    const next = step(before, event);
    expect({ state: stateOf(next.snapshot), effects: next.effects, changed: next.changed }).toEqual({
      state: to,
      effects,
      changed: to !== from,
    });
  });

  it('goes back to where it got stuck', () => {
    const inGate = after([tick(gateClosesMs), stuck]);
    expect(stateOf(step(inGate, retry).snapshot)).toBe('gateClosed');
    const inStatement = after([...WAY.metered, stuck]);
    expect(stateOf(step(inStatement, retry).snapshot)).toBe('metered');
  });

  it('calls for an operator after many failures in a row', () => {
    let snapshot = after(WAY.settling);
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      snapshot = step(snapshot, failed).snapshot;
      expect(stateOf(snapshot)).toBe(attempt < ATTEMPTS_MAX ? 'retryWait' : 'needsOperator');
      snapshot = step(snapshot, tick(snapshot.context.retryAtMs)).snapshot;
    }
    expect(stateOf(step(snapshot, retry).snapshot)).toBe('settling');
  });

  it('waits longer from failure to failure, up to a limit', () => {
    expect([1, 2, 3, 30, 1000].map(retryDelayMs)).toEqual([
      RETRY_FIRST_MS,
      2 * RETRY_FIRST_MS,
      4 * RETRY_FIRST_MS,
      RETRY_MAX_MS,
      RETRY_MAX_MS,
    ]);
  });

  it('can reach every state, by the graph of its transitions', () => {
    const paths = getShortestPaths(slotMachine, {
      input: INPUT,
      events: [
        tick(gateClosesMs),
        tick(startsMs),
        tick(endsMs),
        cleared(1),
        cleared(0),
        complete,
        ready,
        final,
        failed,
        stuck,
      ],
      stopWhen: (snapshot) => snapshot.context.attempts > 1,
    });
    const reached = new Set(paths.map((path) => path.state.value));
    expect([...SLOT_STATES].filter((state) => !reached.has(state))).toEqual([]);
  });

  it('is the same after a restart at every event, whatever the events', () => {
    const anyEvent = fc.oneof(
      fc.integer({ min: gateClosesMs - 1000, max: meteringEndsMs + 8_000_000 }).map(tick),
      fc.constantFrom(cleared(3), cleared(0), complete, ready, failed, final, stuck, retry),
    );
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 60 }), (events) => {
        let calm = firstSnapshot(INPUT);
        let crashing = firstSnapshot(INPUT);
        for (const event of events) {
          calm = step(calm, event).snapshot;
          const next = step(crashing, event).snapshot;
          crashing = restoreSnapshot(JSON.parse(JSON.stringify(storeSnapshot(next))) as StoredSlotState);
          expect(storeSnapshot(crashing)).toEqual(storeSnapshot(calm));
          expect(nextDeadlineMs(crashing)).toBe(nextDeadlineMs(calm));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('never rests in a state whose time has passed', () => {
    const anyWay = fc.constantFrom(...Object.values(WAY));
    fc.assert(
      fc.property(anyWay, fc.integer({ min: gateClosesMs, max: meteringEndsMs * 2 }), (way, nowMs) => {
        const next = step(after(way), tick(nowMs)).snapshot;
        expect(nextDeadlineMs(next) ?? Number.POSITIVE_INFINITY).toBeGreaterThan(Math.max(nowMs, 0));
      }),
    );
  });

  it('wants its effect again when it is found after a crash', () => {
    const wanted = Object.fromEntries(
      SLOT_STATES.map((state) => [state, outstandingEffects(after(WAY[state]))]),
    );
    expect(wanted).toMatchObject({
      open: [],
      gateClosed: ['clearBook'],
      metering: ['askReadings'],
      metered: ['checkStatement'],
      settling: ['startSettlement'],
      retryWait: [],
      settled: [],
    });
  });

  it('refuses a state of another version', () => {
    const stored = { ...storeSnapshot(after([])), version: 99 };
    expect(() => restoreSnapshot(stored)).toThrow('slot machine 99');
    const renamed = { ...storeSnapshot(after([])), state: 'opened' as SlotState };
    expect(() => restoreSnapshot(renamed)).toThrow('"opened"');
  });
});
