import type { MeterReading, Signed } from '@commonwatt/domain';
import { backoff, pause, reason, withDeadline } from './deadline.ts';
import type { Store } from './store/store.ts';

/** Hands a reading to the market. Throwing means "try again later". */
export type Deliver = (
  reading: Signed<MeterReading>,
  signal: AbortSignal,
) => Promise<'accepted' | 'duplicate' | 'rejected'>;

export interface DeliveryOptions {
  readonly store: Store;
  readonly deliver: Deliver;
  readonly timeoutMs: number;
  readonly backoffFirstMs: number;
  readonly backoffMaxMs: number;
  readonly log: (line: string) => void;
  /** 0 to 1. */
  readonly random?: () => number;
}

export interface Delivery {
  /** A new reading is there. */
  wake(): void;
  readonly delivered: number;
  readonly rejected: number;
  stop(): Promise<void>;
}

/**
 * Empties the outbox in order, one reading at a time, at least once each; waits with back-off and jitter while the market is away. What
 * has gathered meanwhile follows with a pause of up to twice the first back-off between two readings, a different one each time: the
 * gateways of a whole street come back in the same minute.
 */
export function startDelivery(options: DeliveryOptions): Delivery {
  const { store, deliver, timeoutMs, log, random = Math.random } = options;
  const stopping = new AbortController();
  const wait = backoff(options.backoffFirstMs, options.backoffMaxMs, random);
  let delivered = 0;
  let rejected = 0;
  let away = false;
  let catchingUp = false;
  let wakeUp = (): void => {};
  let awake = false;

  const nap = async (): Promise<void> => {
    if (!awake && !stopping.signal.aborted) {
      await new Promise<void>((resolve) => {
        wakeUp = resolve;
      });
    }
    awake = false;
  };

  const one = async (reading: Signed<MeterReading>): Promise<void> => {
    const { sequence, slot } = reading.payload;
    const abort = AbortSignal.any([stopping.signal, AbortSignal.timeout(timeoutMs)]);
    const answer = await withDeadline(
      deliver(reading, abort),
      timeoutMs + 250,
      `delivery of reading ${sequence}`,
    );
    store.acknowledge(sequence, answer);
    if (answer === 'rejected') {
      rejected += 1;
      log(`reading ${sequence} of ${slot}: the market refuses it`);
    } else delivered += 1;
  };

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        const reading = store.nextPending();
        if (!reading) {
          catchingUp = false;
          await nap();
          continue;
        }
        await one(reading);
        if (away) log(`the market is back, ${store.pendingCount()} readings follow`);
        catchingUp ||= away;
        away = false;
        wait.reset();
        if (catchingUp) await pause(2 * options.backoffFirstMs * random(), stopping.signal);
      } catch (error) {
        if (stopping.signal.aborted) break;
        if (!away) log(`delivery waits: ${reason(error)}`);
        away = true;
        await pause(wait.next(), stopping.signal);
      }
    }
  };
  const running = run();

  return {
    wake() {
      awake = true;
      wakeUp();
    },
    get delivered() {
      return delivered;
    },
    get rejected() {
      return rejected;
    },
    async stop() {
      stopping.abort();
      wakeUp();
      await running;
    },
  };
}
