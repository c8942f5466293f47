import type { HomeView } from '@commonwatt/domain';
import { useRef } from 'preact/hooks';
import { daylight } from '../facts.ts';
import { flowWidth } from '../flows.ts';
import { formatPower } from '../format.ts';
import { useFlowing } from './flowing.ts';
import { HouseShape } from './house.tsx';

interface Leg {
  readonly name: string;
  /** Positive towards the house. */
  readonly powerW: number;
  readonly x: number;
  readonly y: number;
  readonly tone: string;
  readonly words: string;
}

const HOUSE = { x: 230, y: 196 };

/** One home: grid, sun and battery around it, with what flows between them now. */
export function HomeFlows({ home, nowMs }: { home: HomeView; nowMs: number }) {
  const lines = useRef<SVGGElement>(null);
  useFlowing(lines);
  const legs: Leg[] = [
    {
      name: 'grid',
      powerW: home.gridW,
      x: 62,
      y: 186,
      tone: 'grid',
      words: home.gridW >= 0 ? 'from the grid' : 'to the grid',
    },
  ];
  if (home.hasPv)
    legs.push({ name: 'sun', powerW: home.pvW, x: 230, y: 62, tone: 'sun', words: 'from the sun' });
  if (home.battery) {
    const words = home.batteryW < 0 ? 'into the battery' : 'from the battery';
    legs.push({ name: 'battery', powerW: home.batteryW, x: 398, y: 186, tone: 'battery', words });
  }
  return (
    <div class="map" style={{ '--day': `${Math.round(daylight(nowMs) * 100)}%` }}>
      <svg
        class="home-flows"
        viewBox="0 0 460 300"
        role="img"
        aria-label={legs.map((leg) => `${formatPower(Math.abs(leg.powerW))} ${leg.words}`).join(', ')}
      >
        <rect class="sky" x="-900" y="-400" width="2260" height="900" />
        <path
          class="hills"
          d="M-900 224C-500 170-300 236 0 216C90 190 150 222 240 206S390 190 460 212C700 250 900 180 1360 210V800H-900Z"
        />
        <g ref={lines} class="flows">
          {legs.map((leg) => (
            <LegLine key={leg.name} leg={leg} />
          ))}
        </g>
        {legs.map((leg) => (
          <g key={leg.name} transform={`translate(${leg.x} ${leg.y})`}>
            <circle class={`disc disc-${leg.tone}`} r="30" />
            <LegIcon leg={leg} charge={home.battery?.stateOfChargePermille ?? 0} />
            <text
              class="map-mid"
              x={leg.name === 'sun' ? 44 : 0}
              y={leg.name === 'sun' ? -2 : 54}
              text-anchor={leg.name === 'sun' ? 'start' : 'middle'}
            >
              {formatPower(Math.abs(leg.powerW))}
            </text>
            <text
              class="map-small"
              x={leg.name === 'sun' ? 44 : 0}
              y={leg.name === 'sun' ? 15 : 71}
              text-anchor={leg.name === 'sun' ? 'start' : 'middle'}
            >
              {leg.words}
            </text>
          </g>
        ))}
        <g transform={`translate(${HOUSE.x} ${HOUSE.y + 24}) scale(1.9)`}>
          <HouseShape home={home} pvMaxW={5000} />
        </g>
        <text class="map-mid" x={HOUSE.x} y={HOUSE.y + 54} text-anchor="middle">
          {formatPower(home.loadW)}
        </text>
        <text class="map-small" x={HOUSE.x} y={HOUSE.y + 71} text-anchor="middle">
          used in the house
        </text>
      </svg>
    </div>
  );
}

function LegLine({ leg }: { leg: Leg }) {
  const house = `${HOUSE.x} ${leg.name === 'sun' ? 140 : leg.y}`;
  // Drawn the way the power goes, so that the dots move with it.
  const d = leg.powerW < 0 ? `M${house}L${leg.x} ${leg.y}` : `M${leg.x} ${leg.y}L${house}`;
  if (Math.abs(leg.powerW) < 15) return <path class="wire" d={d} />;
  const width = flowWidth(leg.powerW) + 1;
  return (
    <g class={`flow flow-${leg.tone}`}>
      <path class="flow-bed" d={d} stroke-width={width} />
      <path class="flow-dots" d={d} stroke-width={Math.max(3, width * 0.62)} />
    </g>
  );
}

const RAYS_DEG = [0, 45, 90, 135, 180, 225, 270, 315];

function LegIcon({ leg, charge }: { leg: Leg; charge: number }) {
  if (leg.name === 'sun') {
    return (
      <g class="icon">
        <circle r="8" />
        {RAYS_DEG.map((turn) => (
          <path key={turn} transform={`rotate(${turn})`} d="M0-12V-17" />
        ))}
      </g>
    );
  }
  if (leg.name === 'battery') {
    const height = (22 * charge) / 1000;
    return (
      <g class="icon">
        <rect x="-8" y="-13" width="16" height="27" rx="3" />
        <path d="M-3-16H3" />
        <rect class="icon-fill" x="-5.5" y={11.5 - height} width="11" height={height} rx="1" />
      </g>
    );
  }
  return (
    <g class="icon">
      <path d="M0-17-8 16M0-17 8 16M-11-8H11M-9-1H9M-4 0 6 9M4 0-6 9" />
    </g>
  );
}
