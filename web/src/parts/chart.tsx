import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';

/** Colours as the page's theme has them now; a canvas cannot read CSS variables by itself. */
export type Palette = (name: string) => string;

export interface ChartProps {
  readonly label: string;
  readonly data: uPlot.AlignedData;
  readonly build: (palette: Palette) => Omit<uPlot.Options, 'width' | 'height'>;
  readonly height?: number;
}

function paletteOf(host: HTMLElement): Palette {
  const probe = document.createElement('i');
  probe.hidden = true;
  host.append(probe);
  return (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
}

/** A uPlot chart that follows its box's width and the colour scheme. New data goes in without building it anew. */
export function Chart({ label, data, build, height = 190 }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef({ data, build });
  latest.current = { data, build };

  useEffect(() => {
    const host = box.current;
    if (!host) return;
    const draw = () => {
      plot.current?.destroy();
      const options = latest.current.build(paletteOf(host));
      plot.current = new uPlot(
        { ...options, width: Math.max(200, host.clientWidth), height },
        latest.current.data,
        host,
      );
    };
    draw();
    const observer = new ResizeObserver(() => {
      const width = Math.max(200, host.clientWidth);
      if (plot.current && plot.current.width !== width) plot.current.setSize({ width, height });
    });
    observer.observe(host);
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', draw);
    window.addEventListener('themechange', draw);
    return () => {
      observer.disconnect();
      dark.removeEventListener('change', draw);
      window.removeEventListener('themechange', draw);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [height]);
  useEffect(() => plot.current?.setData(data), [data]);

  return <div class="chart" ref={box} role="img" aria-label={label} />;
}

/** What all charts share: quiet axes in UTC, a legend that reads the value under the pointer. */
export function baseOptions(
  palette: Palette,
  axisUnit: string,
): Omit<uPlot.Options, 'width' | 'height' | 'series'> {
  const axis = {
    stroke: palette('quiet'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: palette('grid-line'), width: 1 },
    ticks: { show: false },
  };
  return {
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    legend: { live: true },
    padding: [10, 18, 0, 0],
    scales: { x: { time: true } },
    axes: [
      { ...axis, grid: { show: false }, size: 26, space: 64, values: clockValues },
      {
        ...axis,
        size: 44,
        space: 34,
        values: (_, splits) => splits.map((value) => shortNumber(value)),
        label: axisUnit,
        labelSize: 14,
        labelFont: '10px system-ui, sans-serif',
        labelGap: 0,
      },
    ],
  };
}

function clockValues(
  _: uPlot,
  splits: number[],
  _axis: number,
  _space: number,
  stepSeconds: number,
): string[] {
  return splits.map((seconds) => {
    const iso = new Date(seconds * 1000).toISOString();
    if (stepSeconds < 60) return iso.slice(11, 19);
    return iso.slice(11, 16) === '00:00' ? dayOf(seconds) : iso.slice(11, 16);
  });
}

function dayOf(seconds: number): string {
  return new Date(seconds * 1000).toLocaleDateString('en-GB', {
    day: 'numeric',
    month: 'short',
    timeZone: 'UTC',
  });
}

function shortNumber(value: number): string {
  return value.toLocaleString('en-GB', { maximumFractionDigits: 2 });
}
