import { useEffect, useState } from 'preact/hooks';
import { formatClock, formatDay } from '../format.ts';
import type { LiveState } from '../live.ts';
import type { Route } from '../route.ts';

const PLACES = [
  ['neighbourhood', '#/', 'Neighbourhood'],
  ['chain', '#/chain', 'Chain'],
] as const;

export function Header({ live, route }: { live: LiveState; route: Route }) {
  const { view } = live;
  return (
    <header class="top">
      <a class="brand" href="#/">
        <img src="./icon.svg" alt="" width="28" height="28" />
        <span>
          Commonwatt
          <small>{view?.community ?? '\u00a0'}</small>
        </span>
      </a>
      <nav aria-label="Pages">
        {PLACES.map(([page, href, label]) => (
          <a key={page} href={href} aria-current={route.page === page ? 'page' : undefined}>
            {label}
          </a>
        ))}
      </nav>
      <div class="top-end">
        {view && (
          <time class="clock" dateTime={new Date(view.nowMs).toISOString()}>
            <strong>{formatClock(view.nowMs)}</strong>
            <small>
              {formatDay(view.nowMs)} UTC{view.speed === 1 ? '' : `, ${view.speed}× time`}
            </small>
          </time>
        )}
        <LinkState live={live} />
        <ThemeButton />
      </div>
    </header>
  );
}

function LinkState({ live }: { live: LiveState }) {
  const words = { connecting: 'connecting', live: 'live', reconnecting: 'reconnecting' }[live.link];
  const heard =
    live.heardAtMs === null ? '' : `Last heard at ${new Date(live.heardAtMs).toLocaleTimeString('en-GB')}.`;
  return (
    <span
      class={`link link-${live.link}`}
      role="status"
      title={[live.trouble, heard].filter(Boolean).join(' ')}
    >
      <i aria-hidden="true" />
      {words}
    </span>
  );
}

const THEMES = ['auto', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];

function storedTheme(): Theme {
  const stored = localStorage.getItem('theme');
  return stored === 'light' || stored === 'dark' ? stored : 'auto';
}

function ThemeButton() {
  const [theme, setTheme] = useState<Theme>(storedTheme);
  useEffect(() => {
    document.documentElement.dataset['theme'] = theme;
    localStorage.setItem('theme', theme);
    window.dispatchEvent(new Event('themechange'));
  }, [theme]);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'auto';
  const glyph = { auto: '◐', light: '☀', dark: '☾' }[theme];
  return (
    <button type="button" class="quiet" onClick={() => setTheme(next)} title={`Colours: ${theme}`}>
      <span aria-hidden="true">{glyph}</span>
      <span class="hidden">
        Colours: {theme}. Change to {next}.
      </span>
    </button>
  );
}
