import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';

/** Distance of the dots on a line, px; the dash pattern in styles/map.css has this period. */
const PERIOD_PX = 16;
const STEP_MS_PER_PX = 70;

/**
 * Moves the dots of all lines below a group, `stepPx` at a time: larger steps are fewer, for pictures with many lines. `stroke-dashoffset` is inherited, so one property on the group
 * does it; a CSS animation on every line would repaint sixty times a second and cost a core where there is no graphics card.
 * Stands still when the page is hidden or stale, or the reader wants less motion.
 */
export function useFlowing(group: RefObject<SVGGElement | null>, stepPx = 1): void {
  useEffect(() => {
    const calm = matchMedia('(prefers-reduced-motion: reduce)');
    let offsetPx = 0;
    const timer = setInterval(() => {
      const element = group.current;
      if (!element || document.hidden || calm.matches || element.closest('.is-stale')) return;
      offsetPx = (offsetPx + PERIOD_PX - stepPx) % PERIOD_PX;
      element.style.strokeDashoffset = String(offsetPx);
    }, STEP_MS_PER_PX * stepPx);
    return () => clearInterval(timer);
  }, [group, stepPx]);
}
