import { createForecaster, type HomeSite, scoreForecasts, type SlotEnergy } from '../src/index.ts';
import { hasMeasured, type MeasuredName, type Method, readMeasured, replay } from './measured.ts';

/** Warm-up so that what is scored are the slots the published baselines were scored on (2016-12-01 on, 2018-11-19 on). */
const SCORED_AFTER_DAYS: Record<MeasuredName, number> = { fontana: 122, swiss15: 21 };

const SITE: HomeSite = {
  slotMinutes: 15,
  pvPeakW: 6000,
  latitudeDeg: 47.4,
  longitudeDeg: 8.5,
  timezone: 'Europe/Zurich',
};

/** Speed of the forecaster, and its errors on measured homes where there are some. Prints a table, returns the figures. */
export async function benchForecasts(print: (line: string) => void): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  const note = (name: string, value: number, text: string): void => {
    figures[name] = value;
    print(`${name.padEnd(40)} ${text}`);
  };

  const forecaster = createForecaster(SITE);
  const slots = 60 * 96;
  const start = Date.UTC(2026, 5, 1);
  const energy = Array.from({ length: slots }, (_, slot): SlotEnergy => {
    const hour = (slot % 96) / 4;
    return {
      slotStartMs: start + slot * 900_000,
      loadWh: Math.round(100 + 80 * Math.sin(slot) + (hour > 18 ? 200 : 0)),
      pvWh: Math.round(Math.max(0, 1000 * Math.sin(((hour - 5) / 15) * Math.PI))),
    };
  });
  let began = performance.now();
  for (const slot of energy) forecaster.observe(slot);
  const observeMicros = ((performance.now() - began) * 1000) / slots;
  note('observeMicros', observeMicros, `${observeMicros.toFixed(1)} us a slot`);
  began = performance.now();
  const rounds = 200;
  for (let i = 0; i < rounds; i += 1) forecaster.forecast(start + slots * 900_000, 96);
  const dayMicros = ((performance.now() - began) * 1000) / rounds;
  note('forecastDayMicros', dayMicros, `${dayMicros.toFixed(0)} us for a day of quarter hours`);

  if (!hasMeasured()) {
    print('measured homes: left out, there is no ../shared/data beside the project');
    return figures;
  }
  for (const name of ['fontana', 'swiss15'] as const) {
    const said = replay(readMeasured(name), SCORED_AFTER_DAYS[name]);
    for (const kind of ['load', 'pv'] as const) {
      for (const method of ['ahead', 'yesterday', 'next', 'persistence'] as const satisfies Method[]) {
        const score = scoreForecasts(said[kind][method]);
        if (score.slots === 0) continue;
        const own = method === 'ahead' || method === 'next';
        const more = own
          ? `, bias ${score.bias.toFixed(3)}, p10..p90 covers ${score.coverage.toFixed(3)}, pinball ${score.pinballWh.toFixed(1)} Wh`
          : '';
        note(
          `${name}.${kind}.${method}`,
          score.normalisedError,
          `nMAE ${score.normalisedError.toFixed(3)}${more}`,
        );
      }
    }
  }
  return figures;
}
