import type { HomeView } from '@commonwatt/domain';
import { formatPower } from '../format.ts';
import type { HomeSpot } from '../layout.ts';
import { homeHref } from '../route.ts';

/** A home as it stands on the map: windows lit by its load, panels bright with sun, the battery beside it. A link to its page. */
export function House(props: {
  home: HomeView;
  spot: HomeSpot;
  dense: boolean;
  scale: number;
  pvMaxW: number;
}) {
  const { home, spot, dense, scale, pvMaxW } = props;
  const { battery } = home;
  const words = homeWords(home);
  return (
    <a href={homeHref(home.id)} class="house" aria-label={words}>
      <title>{words}</title>
      <g transform={`translate(${spot.x} ${spot.y}) scale(${scale})`}>
        <rect class="house-hit" x="-28" y="-46" width={dense ? 66 : 104} height="52" rx="10" />
        <HouseShape home={home} pvMaxW={pvMaxW} />
        {battery && <BatteryShape shareFull={battery.stateOfChargePermille / 1000} powerW={home.batteryW} />}
        {!dense && (
          <>
            <text class="house-name" x={battery ? 42 : 30} y="-20">
              {home.id.replace(/^home-/, 'Nº ')}
            </text>
            <text class={home.gridW < 0 ? 'house-net is-giving' : 'house-net'} x={battery ? 42 : 30} y="-5">
              {formatPower(home.gridW, true)}
            </text>
          </>
        )}
      </g>
    </a>
  );
}

/** Walls, roof and panels around (0, 0) in the middle of the base; 46 wide, 40 high. */
export function HouseShape({ home, pvMaxW }: { home: HomeView; pvMaxW: number }) {
  const lit = Math.min(1, home.loadW / 2500);
  const sun = Math.min(1, home.pvW / pvMaxW);
  return (
    <>
      <rect class="wall" x="-18" y="-22" width="36" height="22" rx="1.5" />
      <path class="roof" d="M-23-21 -14-40H14L23-21Z" />
      {home.hasPv && (
        <>
          <path class="panel" d="M-16-24-10.5-37H10.5L16-24Z" />
          <path
            class="panel-sun"
            d="M-16-24-10.5-37H10.5L16-24Z"
            opacity={0.15 + 0.85 * sun}
            visibility={home.pvW > 20 ? 'visible' : 'hidden'}
          />
          <path class="panel-grid" d="M-5.3-24-3.5-37M5.3-24 3.5-37M-13.2-30.5H13.2" />
        </>
      )}
      <rect class="window" x="-13" y="-16" width="8" height="8" rx="1" />
      <rect class="window-lit" x="-13" y="-16" width="8" height="8" rx="1" opacity={0.1 + 0.9 * lit} />
      <rect class="window" x="6" y="-16" width="7" height="8" rx="1" />
      <rect class="window-lit" x="6" y="-16" width="7" height="8" rx="1" opacity={0.1 + 0.9 * lit} />
      <rect class="door" x="-3" y="-11" width="7" height="11" rx="1" />
    </>
  );
}

/** A cell to the right of the house, filled by its charge, with an arrow while it works. */
function BatteryShape({ shareFull, powerW }: { shareFull: number; powerW: number }) {
  const height = Math.max(1, 20 * Math.min(1, Math.max(0, shareFull)));
  return (
    <>
      <rect class="cell-cap" x="28" y="-26" width="4" height="3" rx="1" />
      <rect class="cell" x="25" y="-23" width="10" height="23" rx="2.5" />
      <rect class="cell-fill" x="26.5" y={-1.5 - height} width="7" height={height} rx="1.5" />
      {Math.abs(powerW) > 40 && (
        <path class="cell-arrow" d={powerW < 0 ? 'M30-17 33-12H27Z' : 'M30-8 33-13H27Z'} />
      )}
    </>
  );
}

function homeWords(home: HomeView): string {
  const parts = [
    home.id,
    home.gridW >= 0 ? `draws ${formatPower(home.gridW)}` : `feeds in ${formatPower(-home.gridW)}`,
    `uses ${formatPower(home.loadW)}`,
  ];
  if (home.hasPv) parts.push(`solar ${formatPower(home.pvW)}`);
  if (home.battery) parts.push(`battery ${Math.round(home.battery.stateOfChargePermille / 10)} %`);
  return parts.join(', ');
}
