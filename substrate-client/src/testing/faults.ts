import { CommonwattError } from '@commonwatt/domain';

/** The process is gone, here and now. */
export class Crash extends Error {}

/**
 * What can happen around a call to the chain: the client is killed before or after it; the question is lost on its way; the answer
 * is; or the question arrives, but only after the client has given up and asked other things.
 */
export const FAULTS = ['crash-before', 'lose-question', 'late', 'lose-answer', 'crash-after'] as const;
export type Fault = (typeof FAULTS)[number];

export interface FaultCounts {
  crashes: number;
  droppedMessages: number;
  lateMessages: number;
}

export interface Faults {
  readonly counts: FaultCounts;
  /** Kills the client here, or not. */
  maybeCrash(): void;
  /** A call to the chain, with what happens around it. */
  around(call: () => Promise<unknown>): Promise<unknown>;
  /** What was held up arrives now. */
  deliverLate(): Promise<void>;
}

/** `faultAt` decides, for every step of the client in turn, whether something happens there; `call` is false for a step on its own disk. */
export function faultsBy(faultAt: (call: boolean) => Fault | null): Faults {
  const counts: FaultCounts = { crashes: 0, droppedMessages: 0, lateMessages: 0 };
  const late: (() => Promise<unknown>)[] = [];
  const crash = (): never => {
    counts.crashes += 1;
    throw new Crash('killed');
  };
  const lost = (what: string): never => {
    counts.droppedMessages += 1;
    throw new CommonwattError('unavailable', `the ${what} was lost`);
  };
  return {
    counts,
    maybeCrash: () => {
      const fault = faultAt(false);
      if (fault === 'crash-before' || fault === 'crash-after') crash();
    },
    around: async (call) => {
      const fault = faultAt(true);
      if (fault === 'crash-before') crash();
      if (fault === 'lose-question') lost('question');
      if (fault === 'late') {
        counts.lateMessages += 1;
        late.push(call);
        throw new CommonwattError('unavailable', 'there was no answer in time');
      }
      const answer = await call();
      if (fault === 'lose-answer') lost('answer');
      if (fault === 'crash-after') crash();
      return answer;
    },
    deliverLate: async () => {
      const due = late.splice(0);
      // Refused or not, nobody hears of it.
      for (const call of due.toReversed()) await call().catch(() => {});
    },
  };
}

/** Runs every method of an object through `around`. */
export function wrap<T extends object>(
  target: T,
  around: (call: () => Promise<unknown>) => Promise<unknown>,
): T {
  return new Proxy(target, {
    get: (object, name) => {
      const value = Reflect.get(object, name, object) as unknown;
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => around(async () => (await value.apply(object, args)) as unknown);
    },
  });
}

/** Runs `around` before and after every method of an object, but not after its closing. */
export function wrapSync<T extends object>(target: T, around: () => void): T {
  return new Proxy(target, {
    get: (object, name) => {
      const value = Reflect.get(object, name, object) as unknown;
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        around();
        const result: unknown = value.apply(object, args);
        if (name !== 'close') around();
        return result;
      };
    },
  });
}

export function closeQuietly(ledger: { close(): void } | undefined): void {
  try {
    ledger?.close();
  } catch {
    // A crash inside close: the file is left as it is, which is the point.
  }
}
