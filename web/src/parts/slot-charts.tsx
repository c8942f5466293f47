import type { NeighbourhoodView, SignalView } from '@commonwatt/domain';
import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import uPlot from 'uplot';
import { isMetered, meanImportW, slotsInOrder } from '../facts.ts';
import { baseOptions, Chart, type Palette } from './chart.tsx';

const value = (unit: string, fraction: number) => (_: uPlot, raw: number | null) =>
  raw === null ? '–' : `${raw.toFixed(fraction)} ${unit}`;

function Card({ title, note, children }: { title: string; note?: string; children: ComponentChildren }) {
  return (
    <section class="card">
      <h2>
        {title}
        {note !== undefined && <small>{note}</small>}
      </h2>
      {children}
    </section>
  );
}

/** The four charts over slots. */
export function SlotCharts({ view }: { view: NeighbourhoodView }) {
  const { slotMinutes, market } = view;
  // The view is a new object every second; the charts are redrawn only when a slot has changed.
  const key = view.history
    .map((s) => `${s.slot}${s.state}${s.priceMicroPerKwh}${s.tradedWh}${s.importWh}`)
    .join();
  const slots = useMemo(() => slotsInOrder(view.history), [key]);
  const signalsKey = JSON.stringify(view.signals);
  const signals = useMemo(() => view.signals, [signalsKey]);
  const columns = useMemo(() => {
    const starts = slots.map((slot) => Date.parse(slot.slot) / 1000);
    // A step needs an end: the last slot's is drawn as one more point.
    const at = [...starts, (starts.at(-1) ?? 0) + slotMinutes * 60];
    const held = (values: (number | null)[]) => [...values, values.at(-1) ?? null];
    const kilo = (pick: (slot: (typeof slots)[number]) => number) =>
      held(slots.map((slot) => (isMetered(slot) ? pick(slot) / 1000 : null)));
    const perHour = 60 / slotMinutes;
    return {
      price: [at, held(slots.map((s) => (s.priceMicroPerKwh === null ? null : s.priceMicroPerKwh / 10_000)))],
      traded: [at, [...slots.map((s) => s.tradedWh / 1000), null]],
      feeder: [at, kilo((s) => meanImportW(s, slotMinutes))],
      power: [at, kilo((s) => s.consumptionWh * perHour), kilo((s) => s.productionWh * perHour)],
    } satisfies Record<string, uPlot.AlignedData>;
  }, [slots, slotMinutes]);

  if (!slots.some((slot) => slot.priceMicroPerKwh !== null || isMetered(slot))) {
    return (
      <section class="card">
        <h2>Over the slots</h2>
        <p class="empty">
          Waiting for the first slot. A slot is {slotMinutes} minutes of delivery; its price shows once its
          gate has closed, its energy once the meters are read.
        </p>
      </section>
    );
  }
  const feedIn = market.feedInMicroPerKwh / 10_000;
  const retail = market.retailMicroPerKwh / 10_000;
  return (
    <div class="charts">
      <Card title="Neighbours’ price" note={`between feed-in ${feedIn} and retail ${retail} ct`}>
        <Chart
          label="Price of each slot in ct per kWh"
          data={columns.price}
          build={(p) => priceOptions(p, feedIn, retail)}
        />
      </Card>
      <Card title="Import over the feeder" note="mean of each slot; shaded: above a limit">
        <Chart
          key={signalsKey}
          label="Mean net import of each slot in kW, with the limits of demand signals"
          data={columns.feeder}
          build={(p) => feederOptions(p, signals)}
        />
      </Card>
      <Card title="Used and made">
        <Chart
          label="Consumption and production of each slot in kW"
          data={columns.power}
          build={powerOptions}
        />
      </Card>
      <Card title="Traded between neighbours">
        <Chart label="Energy traded in each slot in kWh" data={columns.traded} build={tradedOptions} />
      </Card>
    </div>
  );
}

const time: uPlot.Series = { label: 'Slot', value: '{HH}:{mm}' };

function priceOptions(
  palette: Palette,
  feedIn: number,
  retail: number,
): Omit<uPlot.Options, 'width' | 'height'> {
  const margin = (retail - feedIn) * 0.06 || 1;
  return {
    ...baseOptions(palette, 'ct/kWh'),
    scales: { x: { time: true }, y: { range: [feedIn - margin, retail + margin] } },
    series: [
      time,
      {
        label: 'Price',
        stroke: palette('local'),
        width: 2,
        points: { show: false },
        paths: uPlot.paths.stepped?.({ align: 1 }),
        value: value('ct/kWh', 2),
      } as uPlot.Series,
    ],
    hooks: {
      drawClear: [
        (u) => {
          const top = u.valToPos(retail, 'y', true);
          const bottom = u.valToPos(feedIn, 'y', true);
          u.ctx.fillStyle = palette('band');
          u.ctx.fillRect(u.bbox.left, top, u.bbox.width, bottom - top);
        },
      ],
    },
  };
}

function tradedOptions(palette: Palette): Omit<uPlot.Options, 'width' | 'height'> {
  return {
    ...baseOptions(palette, 'kWh'),
    scales: { x: { time: true }, y: { range: (_, __, max) => [0, Math.max(0.1, (max ?? 0) * 1.1)] } },
    series: [
      time,
      {
        label: 'Traded',
        fill: palette('local'),
        width: 0,
        points: { show: false },
        paths: uPlot.paths.bars?.({ size: [0.7, 40], align: 1, radius: 0.3 }),
        value: value('kWh', 2),
      } as uPlot.Series,
    ],
  };
}

function powerOptions(palette: Palette): Omit<uPlot.Options, 'width' | 'height'> {
  const line = (label: string, colour: string): uPlot.Series =>
    ({
      label,
      stroke: palette(colour),
      fill: palette(`${colour}-wash`),
      width: 2,
      points: { show: false },
      paths: uPlot.paths.stepped?.({ align: 1 }),
      value: value('kW', 2),
    }) as uPlot.Series;
  return {
    ...baseOptions(palette, 'kW'),
    scales: { x: { time: true }, y: { range: (_, __, max) => [0, Math.max(0.5, (max ?? 0) * 1.1)] } },
    series: [time, line('Used', 'grid'), line('Made', 'sun')],
  };
}

function feederOptions(
  palette: Palette,
  signals: readonly SignalView[],
): Omit<uPlot.Options, 'width' | 'height'> {
  const limits = signals.map((signal) => signal.limitW / 1000);
  return {
    ...baseOptions(palette, 'kW'),
    scales: {
      x: { time: true },
      y: {
        range: (_, min, max) => [
          Math.min(0, (min ?? 0) * 1.1),
          Math.max(0.5, (max ?? 0) * 1.1, ...limits.map((limit) => limit * 1.2)),
        ],
      },
    },
    series: [
      time,
      {
        label: 'Net import',
        stroke: palette('grid'),
        fill: palette('grid-wash'),
        width: 2,
        points: { show: false },
        paths: uPlot.paths.stepped?.({ align: 1 }),
        value: value('kW', 2),
      } as uPlot.Series,
    ],
    hooks: {
      drawClear: [(u) => signals.forEach((signal) => drawLimit(u, signal, palette))],
      draw: [(u) => signals.forEach((signal) => drawWithout(u, signal, palette))],
    },
  };
}

/** Shades what is above a signal's limit while it is in force. */
function drawLimit(u: uPlot, signal: SignalView, palette: Palette): void {
  const span = spanOf(u, signal);
  if (!span) return;
  const y = u.valToPos(signal.limitW / 1000, 'y', true);
  u.ctx.fillStyle = palette('alarm-wash');
  u.ctx.fillRect(span.left, u.bbox.top, span.width, y - u.bbox.top);
  u.ctx.fillStyle = palette('alarm');
  u.ctx.fillRect(span.left, y - 1, span.width, 2 * devicePixelRatio);
}

/** A dashed line for what would have been drawn without the signal. */
function drawWithout(u: uPlot, signal: SignalView, palette: Palette): void {
  const span = spanOf(u, signal);
  if (!span || signal.importWithoutW === null) return;
  const y = u.valToPos(signal.importWithoutW / 1000, 'y', true);
  const { ctx } = u;
  ctx.save();
  ctx.strokeStyle = palette('quiet');
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(span.left, y);
  ctx.lineTo(span.left + span.width, y);
  ctx.stroke();
  ctx.restore();
}

function spanOf(u: uPlot, signal: SignalView): { left: number; width: number } | null {
  const clamp = (x: number) => Math.min(u.bbox.left + u.bbox.width, Math.max(u.bbox.left, x));
  const left = clamp(u.valToPos(signal.fromMs / 1000, 'x', true));
  const right = clamp(u.valToPos(signal.toMs / 1000, 'x', true));
  return right > left ? { left, width: right - left } : null;
}
