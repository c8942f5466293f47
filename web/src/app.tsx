import { useEffect, useRef, useState } from 'preact/hooks';
import { Boundary } from './parts/boundary.tsx';
import { Header } from './parts/header.tsx';
import { followNeighbourhood, type LiveHost, type LiveState } from './live.ts';
import { ChainPage } from './pages/chain.tsx';
import { HouseholdPage } from './pages/household.tsx';
import { NeighbourhoodPage } from './pages/neighbourhood.tsx';
import { routeOf } from './route.ts';
import { Trail } from './trail.ts';

const browser: LiveHost = {
  openEvents: (url) => new EventSource(url),
  nowMs: () => Date.now(),
  setTimer: (run, afterMs) => window.setTimeout(run, afterMs),
  clearTimer: (timer) => window.clearTimeout(timer as number),
};

export function App() {
  const [live, setLive] = useState<LiveState>({
    link: 'connecting',
    view: null,
    heardAtMs: null,
    trouble: null,
  });
  const [route, setRoute] = useState(() => routeOf(location.hash));
  const trail = useRef(new Trail());
  const main = useRef<HTMLElement>(null);

  useEffect(
    () =>
      followNeighbourhood('v1/neighbourhood/events', browser, (state) => {
        if (state.view) trail.current.add(state.view);
        setLive(state);
      }),
    [],
  );
  useEffect(() => {
    const follow = () => {
      setRoute(routeOf(location.hash));
      window.scrollTo(0, 0);
      // A new page is announced and reached by the keyboard from its start.
      main.current?.focus({ preventScroll: true });
    };
    window.addEventListener('hashchange', follow);
    return () => window.removeEventListener('hashchange', follow);
  }, []);

  useEffect(() => {
    const place = route.page === 'home' ? route.id : route.page === 'chain' ? 'Chain' : 'Neighbourhood';
    document.title = `${place} · Commonwatt`;
  }, [route]);

  const { view } = live;
  return (
    <>
      <Header live={live} route={route} />
      <main ref={main} tabIndex={-1} class={live.link === 'live' ? '' : 'is-stale'}>
        {view === null ? (
          <Waiting trouble={live.trouble} />
        ) : (
          <Boundary viewAtMs={view.nowMs}>
            {route.page === 'home' ? (
              <HouseholdPage view={view} id={route.id} trail={trail.current.of(route.id)} />
            ) : route.page === 'chain' ? (
              <ChainPage view={view} />
            ) : (
              <NeighbourhoodPage view={view} />
            )}
          </Boundary>
        )}
      </main>
    </>
  );
}

function Waiting({ trouble }: { trouble: string | null }) {
  return (
    <section class="card waiting">
      <div class="pulse" aria-hidden="true" />
      <h1>Waiting for the neighbourhood</h1>
      <p>{trouble === null ? 'Asking the server how things stand.' : `${trouble} Trying again by itself.`}</p>
    </section>
  );
}
