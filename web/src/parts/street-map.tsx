import type { NeighbourhoodView } from '@commonwatt/domain';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { daylight } from '../facts.ts';
import { flowWidth, traceFlows } from '../flows.ts';
import { formatClock, formatPower } from '../format.ts';
import { layOutStreets, type Point } from '../layout.ts';
import { useFlowing } from './flowing.ts';
import { House } from './house.tsx';

/** Below this a line is drawn at rest: meters flicker by a few watts. */
const STILL_W = 15;

/** The homes on their streets around the feeder, with the power that flows between them. */
export function StreetMap({ view }: { view: NeighbourhoodView }) {
  const box = useRef<HTMLDivElement>(null);
  const lines = useRef<SVGGElement>(null);
  const [size, setSize] = useState({ width: 860, height: 0 });
  useEffect(() => {
    if (!box.current) return;
    const observer = new ResizeObserver(([entry]) => entry && setSize(entry.contentRect));
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  const count = view.homes.length;
  // The box is at least as high as the map needs (its `min-height`), and the map fills it when it is higher.
  const naturalPx = useMemo(() => layOutStreets(count, size.width).height, [count, size.width]);
  const map = useMemo(() => layOutStreets(count, size.width, size.height), [count, size.width, size.height]);

  useFlowing(lines, map.dense ? 2 : 1);
  const parents = map.nodes.map((node) => node.parent);
  const drawnW = map.nodes.map(() => 0);
  map.homes.forEach((spot, index) => {
    drawnW[spot.node] = view.homes[index]?.gridW ?? 0;
  });
  const flows = traceFlows(parents, drawnW);
  const gridW = flows.edgeW[0] ?? 0;
  const day = daylight(view.nowMs);
  const pvMaxW = Math.max(1000, ...view.homes.map((home) => home.pvW));
  const { transformer } = map;

  return (
    <div
      class="map is-streets"
      ref={box}
      style={{ '--day': `${Math.round(day * 100)}%`, minHeight: `${naturalPx}px` }}
    >
      <svg
        viewBox={`0 0 ${map.width} ${map.height}`}
        width={map.width}
        height={map.height}
        role="group"
        aria-label={`The feeder and its ${view.homes.length} homes. ${gridWords(gridW)}`}
      >
        <rect class="sky" width={map.width} height={map.height} />
        <Sky nowMs={view.nowMs} width={map.width} day={day} />
        <path class="hills" d={hills(map.width, transformer.y + 20, map.height)} />
        {map.streets.map((street) => (
          <line
            key={street.y}
            class="road"
            x1={street.fromX}
            x2={street.toX + 30}
            y1={street.y}
            y2={street.y}
          />
        ))}
        <g ref={lines} class="flows">
          <Flow
            from={{ x: transformer.x, y: -4 }}
            to={transformer}
            powerW={gridW}
            localShare={flows.localShare[0] ?? 0}
          />
          {map.nodes.map((node, index) => {
            const parent = map.nodes[node.parent];
            if (!parent) return null;
            const end = dropEnd(map, index, node);
            return (
              <Flow
                key={index}
                from={parent}
                to={end}
                powerW={flows.edgeW[index] ?? 0}
                localShare={flows.localShare[index] ?? 0}
              />
            );
          })}
        </g>
        <Transformer at={transformer} gridW={gridW} nowMs={view.nowMs} />
        {map.homes.map((spot, index) => {
          const home = view.homes[index];
          return home ? (
            <House
              key={home.id}
              home={home}
              spot={spot}
              dense={map.dense}
              scale={map.houseScale}
              pvMaxW={pvMaxW}
            />
          ) : null;
        })}
      </svg>
    </div>
  );
}

/** Drops end at the base of a house above its street, at the roof of one below. */
function dropEnd(map: ReturnType<typeof layOutStreets>, index: number, node: Point): Point {
  const first = map.nodes.length - map.homes.length;
  const spot = map.homes[index - first];
  if (!spot || spot.side === 'above') return node;
  return { x: node.x, y: node.y - 39 * map.houseScale };
}

function gridWords(gridW: number): string {
  return gridW >= 0
    ? `${formatPower(gridW)} comes from the grid.`
    : `${formatPower(-gridW)} goes to the grid.`;
}

/** A stretch of line. Dots move with the power; its colour runs from grid blue to the neighbours' green. */
function Flow(props: { from: Point; to: Point; powerW: number; localShare: number }) {
  const { powerW } = props;
  // Drawn the way the power goes, so that the dots move with it.
  const [from, to] = powerW < 0 ? [props.to, props.from] : [props.from, props.to];
  const d = `M${from.x} ${from.y}L${to.x} ${to.y}`;
  const still = Math.abs(powerW) < STILL_W;
  const width = flowWidth(powerW);
  if (still) return <path class="wire" d={d} />;
  return (
    <g class="flow" style={{ '--share': `${Math.round(props.localShare * 100)}%` }}>
      <path class="flow-bed" d={d} stroke-width={width} />
      <path class="flow-dots" d={d} stroke-width={Math.max(2.4, width * 0.62)} />
    </g>
  );
}

function Transformer({ at, gridW, nowMs }: { at: Point; gridW: number; nowMs: number }) {
  return (
    <g transform={`translate(${at.x} ${at.y})`}>
      <rect class="transformer" x="-15" y="-15" width="30" height="30" rx="8" />
      <circle class="coil" cx="0" cy="-4" r="6" />
      <circle class="coil" cx="0" cy="4" r="6" />
      <text class="map-big" x="26" y="-22">
        {formatPower(Math.abs(gridW))}
      </text>
      <text class="map-small" x="26" y="-4">
        {gridW >= 0 ? 'from the grid' : 'to the grid'} at {formatClock(nowMs)}
      </text>
    </g>
  );
}

/** The sun crosses the picture between 5 and 20 UTC, the moon in the other hours. */
function Sky({ nowMs, width, day }: { nowMs: number; width: number; day: number }) {
  const hour = (nowMs / 3_600_000) % 24;
  const sunUp = hour >= 5 && hour < 20;
  const along = sunUp ? (hour - 5) / 15 : ((hour + 4) % 24) / 9;
  const x = width * (0.3 + 0.64 * along);
  const y = 84 - 56 * Math.sin(Math.PI * along);
  return sunUp ? (
    <g>
      <circle class="sun-glow" cx={x} cy={y} r={22 + 14 * day} />
      <circle class="sun" cx={x} cy={y} r="13" />
    </g>
  ) : (
    <path class="moon" transform={`translate(${x} ${y})`} d="M4-10A11 11 0 1 0 10 5 9 9 0 0 1 4-10Z" />
  );
}

function hills(width: number, top: number, bottom: number): string {
  const w = width;
  return `M0 ${top + 14}C${w * 0.2} ${top - 16} ${w * 0.35} ${top + 22} ${w * 0.55} ${top + 4}S${w * 0.85} ${top - 14} ${w} ${top + 10}V${bottom}H0Z`;
}
