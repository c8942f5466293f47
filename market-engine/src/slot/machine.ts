import { assign, setup } from 'xstate';
import type { SlotDeadlines } from './deadlines.ts';

/**
 * The life of one slot. The machine only decides: it is run with xstate's pure `transition()`, the shell journals the new state and
 * only then carries out the actions it returned (see `EFFECTS`). Time is an event, because `after` timers do not survive a restart;
 * effects are actions and not invoked promises, because a promise would start before the state that asked for it is on disk.
 * `always` lets one tick after an outage walk through every state that is due.
 *
 * `empty` is `cleared` without a trade: it goes the same way on, since imbalance is settled whether anybody traded or not.
 */
export const MACHINE_VERSION = 1;

export const SLOT_STATES = [
  'open',
  'gateClosed',
  'cleared',
  'empty',
  'delivering',
  'metering',
  'metered',
  'settling',
  'retryWait',
  'settled',
  'needsOperator',
] as const;
export type SlotState = (typeof SLOT_STATES)[number];

/** What the shell does on entering a state, and does again when it finds the state after a restart. Each is idempotent. */
export const EFFECTS = {
  gateClosed: 'clearBook',
  metering: 'askReadings',
  metered: 'checkStatement',
  settling: 'startSettlement',
} as const satisfies Partial<Record<SlotState, string>>;
export type SlotEffect = (typeof EFFECTS)[keyof typeof EFFECTS];

/** Numbers and strings only, so that the context is its own JSON. */
export interface SlotContext extends Omit<SlotDeadlines, 'opensMs' | 'trueUpEndsMs'> {
  readonly slot: string;
  readonly nowMs: number;
  /** Failed attempts to settle since the last success or operator's retry. */
  readonly attempts: number;
  readonly retryAtMs: number;
  /** An attempt to settle that takes until then is given up and repeated. */
  readonly settleByMs: number;
  readonly settleWithinMs: number;
  readonly batchId: string | null;
  /** Where it got stuck, for `needsOperator`. */
  readonly stuckIn: 'gateClosed' | 'metered' | 'settling' | null;
  readonly trouble: string | null;
}

export type SlotMachineEvent =
  | { type: 'clock.tick'; nowMs: number }
  | { type: 'book.cleared'; volumeWh: number }
  | { type: 'readings.complete' }
  | { type: 'statement.ready' }
  | { type: 'settlement.final'; batchId: string }
  | { type: 'settlement.failed'; why: string }
  /** Something that no repetition cures: a book that cannot be cleared, a statement that does not balance, a refusal by settlement. */
  | { type: 'stuck'; why: string }
  | { type: 'operator.retry' };

export const RETRY_FIRST_MS = 30_000;
export const RETRY_MAX_MS = 15 * 60_000;
/** After so many failures in a row a person looks at it. */
export const ATTEMPTS_MAX = 100;

export interface SlotMachineInput {
  readonly slot: string;
  readonly deadlines: SlotDeadlines;
  readonly settleWithinMs: number;
}

/** Wait before attempt n + 1: doubling, capped. */
export function retryDelayMs(attempts: number): number {
  return Math.min(RETRY_FIRST_MS * 2 ** Math.min(attempts - 1, 20), RETRY_MAX_MS);
}

export const slotMachine = setup({
  types: {
    context: {} as SlotContext,
    events: {} as SlotMachineEvent,
    input: {} as SlotMachineInput,
  },
  guards: {
    gateDue: ({ context }) => context.nowMs >= context.gateClosesMs,
    startDue: ({ context }) => context.nowMs >= context.startsMs,
    endDue: ({ context }) => context.nowMs >= context.endsMs,
    meteringOver: ({ context }) => context.nowMs >= context.meteringEndsMs,
    retryDue: ({ context }) => context.nowMs >= context.retryAtMs,
    settlementOverdue: ({ context }) => context.nowMs >= context.settleByMs,
    traded: ({ event }) => event.type === 'book.cleared' && event.volumeWh > 0,
    patienceOver: ({ context }) => context.attempts >= ATTEMPTS_MAX,
    stuckInGate: ({ context }) => context.stuckIn === 'gateClosed',
    stuckInStatement: ({ context }) => context.stuckIn === 'metered',
  },
  actions: {
    keepTime: assign({
      nowMs: ({ context, event }) =>
        event.type === 'clock.tick' ? Math.max(context.nowMs, event.nowMs) : context.nowMs,
    }),
    keepBatch: assign({
      batchId: ({ event }) => (event.type === 'settlement.final' ? event.batchId : null),
    }),
    beginAttempt: assign({ settleByMs: ({ context }) => context.nowMs + context.settleWithinMs }),
    countFailure: assign({
      attempts: ({ context }) => context.attempts + 1,
      retryAtMs: ({ context }) => context.nowMs + retryDelayMs(context.attempts + 1),
      trouble: ({ event }) =>
        event.type === 'settlement.failed' ? event.why : 'settlement did not answer in time',
    }),
    noteTrouble: assign({
      trouble: ({ context, event }) => (event.type === 'stuck' ? event.why : context.trouble),
    }),
    stuckInGate: assign({ stuckIn: 'gateClosed' as const }),
    stuckInStatement: assign({ stuckIn: 'metered' as const }),
    stuckInSettlement: assign({ stuckIn: 'settling' as const }),
    forgetTrouble: assign({ trouble: null, stuckIn: null, attempts: 0 }),
    clearBook: () => {},
    askReadings: () => {},
    checkStatement: () => {},
    startSettlement: () => {},
  },
}).createMachine({
  id: 'slot',
  context: ({ input }) => ({
    slot: input.slot,
    nowMs: 0,
    gateClosesMs: input.deadlines.gateClosesMs,
    startsMs: input.deadlines.startsMs,
    endsMs: input.deadlines.endsMs,
    meteringEndsMs: input.deadlines.meteringEndsMs,
    attempts: 0,
    retryAtMs: 0,
    settleByMs: 0,
    settleWithinMs: input.settleWithinMs,
    batchId: null,
    stuckIn: null,
    trouble: null,
  }),
  initial: 'open',
  on: { 'clock.tick': { actions: 'keepTime' } },
  states: {
    open: { always: { guard: 'gateDue', target: 'gateClosed' } },
    gateClosed: {
      entry: 'clearBook',
      on: {
        'book.cleared': [{ guard: 'traded', target: 'cleared' }, { target: 'empty' }],
        stuck: { target: 'needsOperator', actions: ['noteTrouble', 'stuckInGate'] },
      },
    },
    cleared: { always: { guard: 'startDue', target: 'delivering' } },
    empty: { always: { guard: 'startDue', target: 'delivering' } },
    delivering: { always: { guard: 'endDue', target: 'metering' } },
    metering: {
      entry: 'askReadings',
      always: { guard: 'meteringOver', target: 'metered' },
      on: { 'readings.complete': { target: 'metered' } },
    },
    metered: {
      entry: 'checkStatement',
      on: {
        'statement.ready': { target: 'settling' },
        stuck: { target: 'needsOperator', actions: ['noteTrouble', 'stuckInStatement'] },
      },
    },
    settling: {
      entry: ['beginAttempt', 'startSettlement'],
      always: { guard: 'settlementOverdue', target: 'retryWait', actions: 'countFailure' },
      on: {
        'settlement.final': { target: 'settled', actions: 'keepBatch' },
        'settlement.failed': { target: 'retryWait', actions: 'countFailure' },
        stuck: { target: 'needsOperator', actions: ['noteTrouble', 'stuckInSettlement'] },
      },
    },
    retryWait: {
      always: [
        { guard: 'patienceOver', target: 'needsOperator', actions: 'stuckInSettlement' },
        { guard: 'retryDue', target: 'settling' },
      ],
      // An attempt that was given up may still come true.
      on: { 'settlement.final': { target: 'settled', actions: 'keepBatch' } },
    },
    needsOperator: {
      on: {
        'operator.retry': [
          { guard: 'stuckInGate', target: 'gateClosed', actions: 'forgetTrouble' },
          { guard: 'stuckInStatement', target: 'metered', actions: 'forgetTrouble' },
          { target: 'settling', actions: 'forgetTrouble' },
        ],
        'settlement.final': { target: 'settled', actions: 'keepBatch' },
      },
    },
    settled: { type: 'final' },
  },
});
