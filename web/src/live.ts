import type { NeighbourhoodView } from '@commonwatt/domain';

/** `connecting`: nothing heard yet; `live`; `reconnecting`: the server went away, the last view is kept. */
export type LinkState = 'connecting' | 'live' | 'reconnecting';

export interface LiveState {
  readonly link: LinkState;
  readonly view: NeighbourhoodView | null;
  /** Wall-clock ms of the last view. */
  readonly heardAtMs: number | null;
  /** Why there is nothing to show, in words. */
  readonly trouble: string | null;
}

/** What the client needs of a browser; tests hand in their own. */
export interface LiveHost {
  openEvents(url: string): EventSourceLike;
  nowMs(): number;
  setTimer(run: () => void, afterMs: number): unknown;
  clearTimer(timer: unknown): void;
}

export interface EventSourceLike {
  addEventListener(type: string, listen: (event: { data?: unknown }) => void): void;
  close(): void;
}

const SILENCE_MS_MAX = 6_000;
const BACKOFF_MS_MIN = 500;
const BACKOFF_MS_MAX = 8_000;

/**
 * Follows the neighbourhood over server-sent events. `EventSource` gives up for good on an HTTP error and never notices a
 * half-dead connection, so reopening is done here: on any error, or after 6 s of silence, with growing pauses.
 * Returns a function that stops it.
 */
export function followNeighbourhood(
  url: string,
  host: LiveHost,
  onChange: (state: LiveState) => void,
): () => void {
  let state: LiveState = { link: 'connecting', view: null, heardAtMs: null, trouble: null };
  let source: EventSourceLike | null = null;
  let timer: unknown = null;
  let backoffMs = BACKOFF_MS_MIN;
  let stopped = false;

  function update(change: Partial<LiveState>): void {
    state = { ...state, ...change };
    onChange(state);
  }
  function arm(run: () => void, afterMs: number): void {
    host.clearTimer(timer);
    timer = host.setTimer(run, afterMs);
  }
  function lose(trouble: string): void {
    if (stopped) return;
    source?.close();
    source = null;
    update({ link: state.view === null ? 'connecting' : 'reconnecting', trouble });
    arm(open, backoffMs);
    backoffMs = Math.min(BACKOFF_MS_MAX, backoffMs * 2);
  }
  function open(): void {
    const mine = host.openEvents(url);
    source = mine;
    mine.addEventListener('view', (event) => {
      if (source !== mine) return;
      const view = readView(event.data);
      if (view === null) {
        update({
          trouble: 'The server sent something this page cannot read; is it a newer version? Reload the page.',
        });
        return;
      }
      backoffMs = BACKOFF_MS_MIN;
      update({ link: 'live', view, heardAtMs: host.nowMs(), trouble: null });
      arm(() => lose('The server has gone quiet.'), SILENCE_MS_MAX);
    });
    mine.addEventListener('error', () => {
      if (source === mine) lose('The server cannot be reached.');
    });
    arm(() => lose('The server has gone quiet.'), SILENCE_MS_MAX);
  }

  open();
  return () => {
    stopped = true;
    host.clearTimer(timer);
    source?.close();
  };
}

/** The view in an event, or null when it is none. Only what every page relies on is looked at. */
export function readView(data: unknown): NeighbourhoodView | null {
  try {
    const view = JSON.parse(String(data)) as Partial<NeighbourhoodView> | null;
    const whole =
      typeof view?.nowMs === 'number' &&
      typeof view.slot === 'string' &&
      Array.isArray(view.homes) &&
      Array.isArray(view.history) &&
      Array.isArray(view.batches) &&
      Array.isArray(view.signals) &&
      Boolean(view.feeder && view.market && view.totals && view.chain);
    return whole ? (view as NeighbourhoodView) : null;
  } catch {
    return null;
  }
}
