import type { MarketHealth } from '../service/ports.ts';

/** Prometheus text exposition format 0.0.4. */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Counts answers by route and status, and times them. */
export class HttpMetrics {
  readonly #answers = new Map<string, number>();
  #seconds = 0;
  #count = 0;

  answered(route: string, status: number, elapsedMs: number): void {
    const key = `route="${route}",status="${status}"`;
    this.#answers.set(key, (this.#answers.get(key) ?? 0) + 1);
    this.#seconds += elapsedMs / 1000;
    this.#count++;
  }

  text(health: MarketHealth, streams: number): string {
    const lines: string[] = [];
    const metric = (
      name: string,
      type: 'counter' | 'gauge',
      help: string,
      values: readonly [string, number][],
    ) => {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
      for (const [labels, value] of values)
        lines.push(labels === '' ? `${name} ${value}` : `${name}{${labels}} ${value}`);
    };
    const { journal, counters, slots } = health;
    metric('commonwatt_ready', 'gauge', 'Whether the market takes orders and readings.', [
      ['', health.ready ? 1 : 0],
    ]);
    metric('commonwatt_market_time_seconds', 'gauge', "The market's clock.", [['', health.nowMs / 1000]]);
    metric(
      'commonwatt_slots',
      'gauge',
      'Slots by state.',
      Object.entries(slots).map(([state, count]) => [`state="${state}"`, count]),
    );
    metric(
      'commonwatt_intake_total',
      'counter',
      'Messages taken, and refused.',
      Object.entries(counters).map(([kind, count]) => [`kind="${kind}"`, count]),
    );
    if (health.feeder !== null) {
      const { latest, verdicts, suspects } = health.feeder;
      metric(
        'commonwatt_feeder_slots',
        'gauge',
        'Slots by what the feeder meter says of them.',
        Object.entries(verdicts).map(([verdict, count]) => [`verdict="${verdict}"`, count]),
      );
      if (latest !== null && latest.differenceWh !== null) {
        metric(
          'commonwatt_feeder_difference_wh',
          'gauge',
          "Energy of the latest slot that no home's meter accounts for.",
          [['', latest.differenceWh]],
        );
        metric(
          'commonwatt_feeder_loss_limit_wh',
          'gauge',
          'What may be lost in that slot, with the tolerance.',
          [['', latest.lossWhMax + latest.toleranceWh]],
        );
      }
      metric('commonwatt_feeder_suspects', 'gauge', 'Meters that the differences point at.', [
        ['', suspects],
      ]);
    }
    metric('commonwatt_journal_rows_total', 'counter', 'Rows written since the start.', [['', journal.rows]]);
    metric('commonwatt_journal_commits_total', 'counter', 'Commits, each an fsync, since the start.', [
      ['', journal.commits],
    ]);
    metric('commonwatt_journal_last_commit_seconds', 'gauge', 'How long the last commit took.', [
      ['', journal.lastCommitMs / 1000],
    ]);
    metric('commonwatt_event_streams', 'gauge', 'Open server-sent event streams.', [['', streams]]);
    metric('commonwatt_http_answers_total', 'counter', 'Answers by route and status.', [...this.#answers]);
    metric('commonwatt_http_seconds_total', 'counter', 'Time spent on answers.', [['', this.#seconds]]);
    metric('commonwatt_http_requests_total', 'counter', 'Requests answered.', [['', this.#count]]);
    return `${lines.join('\n')}\n`;
  }
}
