import type { ErrorCode, ErrorPlace } from '@commonwatt/domain';
import type { FaultKind, NeighbourhoodSpec, ParkHome } from './spec.ts';
import type { HomeTruth } from './world.ts';

/** What the parent asks of the park's process; one answer each, by `id`. */
export type Request =
  | { readonly do: 'start'; readonly spec: NeighbourhoodSpec; readonly dir: string; readonly atMs: number }
  | { readonly do: 'advance'; readonly toMs: number }
  | {
      readonly do: 'fault';
      readonly home: string;
      readonly device: string;
      readonly kind: FaultKind;
      /** For `wrong-meter`. */
      readonly percent?: number;
    }
  | { readonly do: 'truth' }
  | { readonly do: 'stop' };

export interface Results {
  readonly start: {
    readonly atMs: number;
    readonly homes: readonly ParkHome[];
    readonly feeder: ParkHome | null;
  };
  readonly advance: { readonly atMs: number };
  readonly fault: null;
  readonly truth: {
    readonly atMs: number;
    readonly homes: readonly HomeTruth[];
    readonly lostMilliJ: number;
    readonly rssBytes: number;
  };
  readonly stop: null;
}

export type Envelope = { readonly id: number } & Request;

export type Answer =
  | { readonly id: number; readonly result: Results[keyof Results] }
  | {
      readonly id: number;
      readonly error: { readonly code: ErrorCode; readonly detail: string; readonly place: ErrorPlace };
    }
  | { readonly log: string };
