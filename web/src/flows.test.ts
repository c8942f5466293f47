import fc from 'fast-check';
import { expect, test } from 'vitest';
import { flowWidth, traceFlows } from './flows.ts';

test('a street: the home at its end is fed half by its neighbour, half by the grid', () => {
  // transformer - a - b; a feeds in 500 W, b draws 1000 W
  const flows = traceFlows([-1, 0, 1], [0, -500, 1000]);
  expect(flows.edgeW).toEqual([500, 500, 1000]);
  expect(flows.localShare).toEqual([0, 0, 0.5]);
});

test('what goes to the grid was made by neighbours', () => {
  const flows = traceFlows([-1, 0, 0], [0, -900, 400]);
  expect(flows.edgeW).toEqual([-500, -900, 400]);
  expect(flows.localShare).toEqual([1, 1, 1]);
});

test('nothing is lost at any node, and shares are shares', () => {
  const tree = fc
    .array(fc.tuple(fc.nat(), fc.integer({ min: -9000, max: 9000 })), { minLength: 1, maxLength: 60 })
    .map((nodes) => ({
      parents: nodes.map(([pick], index) => (index === 0 ? -1 : pick % index)),
      drawnW: nodes.map(([, powerW]) => powerW),
    }));
  fc.assert(
    fc.property(tree, ({ parents, drawnW }) => {
      const { edgeW, localShare } = traceFlows(parents, drawnW);
      parents.forEach((_, node) => {
        const below = edgeW.reduce((sum, flow, child) => (parents[child] === node ? sum + flow : sum), 0);
        expect(edgeW[node]).toBe((drawnW[node] ?? 0) + below);
      });
      expect(localShare.every((share) => share >= 0 && share <= 1 + 1e-9)).toBe(true);
      // What is made or comes in is used or goes out.
      const made = drawnW.reduce((sum, powerW) => sum + Math.max(0, -powerW), 0);
      const leaving = Math.max(0, -(edgeW[0] ?? 0));
      const entering = Math.max(0, edgeW[0] ?? 0);
      const used = drawnW.reduce((sum, powerW) => sum + Math.max(0, powerW), 0);
      expect(made + entering).toBe(used + leaving);
    }),
  );
});

test('more power, wider line, within bounds', () => {
  expect(flowWidth(100)).toBeLessThan(flowWidth(-2000));
  expect(flowWidth(1e9)).toBe(14);
});
