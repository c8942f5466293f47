import type { Clock, MarketRules, SlotId, Statement } from '@commonwatt/domain';
import { messageOf } from './attempt.ts';
import type { FeederWatch } from './feeder-watch.ts';
import { pointsOf } from './points.ts';
import type { MarketEvent, MarketOptions } from './ports.ts';

export interface AnnouncerOptions {
  readonly rules: MarketRules;
  readonly clock: Clock;
  readonly telemetry?: MarketOptions['telemetry'];
  readonly log: (line: string) => void;
  readonly feeder: FeederWatch;
  /** A known slot's statement. Making it notes the slot's flows for the feeder. */
  readonly statement: (slot: SlotId) => Statement | null;
}

/** Tells telemetry and listeners what has happened; one that fails is logged and holds up nobody. */
export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #listeners = new Set<(event: MarketEvent) => void>();
  /** Whose meters were named last, so that the log names each once. */
  #named: readonly string[] = [];

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  subscribe(listener: (event: MarketEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(event: MarketEvent): void {
    const { telemetry, log, rules, clock, statement } = this.#options;
    try {
      telemetry?.write(pointsOf(event, rules, clock.nowMs(), statement));
    } catch (error) {
      log(`telemetry failed: ${messageOf(error)}`);
    }
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        log(`a listener of the market failed: ${messageOf(error)}`);
      }
    }
    if (event.type === 'statement') this.#checked(event.statement.slot);
  }

  /** A slot is metered: what its feeder says now, and which meters all slots so far point at. */
  #checked(slot: SlotId): void {
    const { feeder, log, statement } = this.#options;
    const check = feeder.checkOf(slot);
    if (check === null) return;
    const before = new Set(this.#named);
    statement(slot);
    const report = feeder.report();
    this.#named = report.suspects.map(({ participant }) => participant);
    for (const { participant, text } of report.suspects) {
      if (!before.has(participant)) log(`feeder ${check.feeder}: look at the meter of ${text}`);
    }
    this.emit({ type: 'feeder', check, report });
  }
}
