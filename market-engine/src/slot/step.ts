import { initialTransition, transition, type SnapshotFrom } from 'xstate';
import { CommonwattError } from '@commonwatt/domain';
import {
  EFFECTS,
  MACHINE_VERSION,
  SLOT_STATES,
  slotMachine,
  type SlotContext,
  type SlotEffect,
  type SlotMachineEvent,
  type SlotMachineInput,
  type SlotState,
} from './machine.ts';

export type SlotSnapshot = SnapshotFrom<typeof slotMachine>;

/** A slot's state on disk. */
export interface StoredSlotState {
  readonly version: number;
  readonly state: SlotState;
  readonly context: SlotContext;
}

export interface SlotStep {
  readonly snapshot: SlotSnapshot;
  readonly changed: boolean;
  /** To be carried out once the new state is durable. */
  readonly effects: readonly SlotEffect[];
}

const EFFECT_NAMES: ReadonlySet<string> = new Set(Object.values(EFFECTS));

/** A new slot, open. */
export function firstSnapshot(input: SlotMachineInput): SlotSnapshot {
  return initialTransition(slotMachine, input)[0];
}

/** One event: the next state and what is to be done. Pure; an event the state does not know changes nothing. */
export function step(snapshot: SlotSnapshot, event: SlotMachineEvent): SlotStep {
  const [next, actions] = transition(slotMachine, snapshot, event);
  const reached = EFFECTS[stateOf(next) as keyof typeof EFFECTS] as SlotEffect | undefined;
  // A tick may pass through several states at once; only the effect of the one it rests in is still wanted.
  const wanted = actions.some((action) => EFFECT_NAMES.has(action.type) && action.type === reached);
  return {
    snapshot: next,
    changed: next.value !== snapshot.value,
    effects: wanted && reached !== undefined ? [reached] : [],
  };
}

export function stateOf(snapshot: SlotSnapshot): SlotState {
  return snapshot.value as SlotState;
}

/** What a slot found in this state after a restart still wants done. */
export function outstandingEffects(snapshot: SlotSnapshot): readonly SlotEffect[] {
  const effect = EFFECTS[stateOf(snapshot) as keyof typeof EFFECTS] as SlotEffect | undefined;
  return effect === undefined ? [] : [effect];
}

export function storeSnapshot(snapshot: SlotSnapshot): StoredSlotState {
  return { version: MACHINE_VERSION, state: stateOf(snapshot), context: snapshot.context };
}

/** Throws CommonwattError `conflict` on a state that this version does not know; older versions are migrated here. */
export function restoreSnapshot(stored: StoredSlotState): SlotSnapshot {
  if (stored.version !== MACHINE_VERSION || !SLOT_STATES.includes(stored.state)) {
    throw new CommonwattError(
      'conflict',
      `the journal holds slot ${stored.context.slot} in state "${stored.state}" of slot machine ${stored.version}; this program has version ${MACHINE_VERSION}`,
      { record: stored.context.slot, remedy: 'start the version of Commonwatt that wrote the journal' },
    );
  }
  return slotMachine.resolveState({ value: stored.state, context: stored.context });
}

/** When the clock next matters to this state, ms since 1970; null while it waits for something else. */
export function nextDeadlineMs(snapshot: SlotSnapshot): number | null {
  const { context } = snapshot;
  switch (stateOf(snapshot)) {
    case 'open':
      return context.gateClosesMs;
    case 'cleared':
    case 'empty':
      return context.startsMs;
    case 'delivering':
      return context.endsMs;
    case 'metering':
      return context.meteringEndsMs;
    case 'settling':
      return context.settleByMs;
    case 'retryWait':
      return context.retryAtMs;
    default:
      return null;
  }
}
