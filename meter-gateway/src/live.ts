import type { Reading } from '@commonwatt/domain';
import { reason } from './deadline.ts';

/** The latest look at the home, and who wants to hear of it. */
export class Live {
  readonly #listeners = new Set<(reading: Reading) => void>();
  readonly #look: () => Reading;
  readonly #log: (line: string) => void;
  latest: Reading | null = null;

  constructor(look: () => Reading, log: (line: string) => void) {
    this.#look = look;
    this.#log = log;
  }

  subscribe(listener: (reading: Reading) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Looks, and tells everybody. A listener that fails is told in the log and harms nobody. */
  publish(): void {
    this.latest = this.#look();
    for (const listener of this.#listeners) {
      try {
        listener(this.latest);
      } catch (error) {
        this.#log(`a listener failed: ${reason(error)}`);
      }
    }
  }

  close(): void {
    this.#listeners.clear();
  }
}

/** Calls `work` once for any number of calls within `realMs`: however a value flickers, nobody is flooded. */
export function atMostEvery(realMs: number, work: () => void): { call(): void; stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  return {
    call() {
      if (stopped) return;
      timer ??= setTimeout(() => {
        timer = undefined;
        work();
      }, realMs);
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
