import { describe, expect, test } from 'vitest';
import { layOutStreets } from './layout.ts';

describe.each([0, 1, 5, 20, 36, 37, 100, 500])('%i homes', (count) => {
  test.each([320, 390, 860, 1400])('on %i px', (width) => {
    const map = layOutStreets(count, width);
    expect(map.homes).toHaveLength(count);
    map.nodes.forEach((node, index) => expect(node.parent).toBeLessThan(index));
    for (const home of map.homes) {
      expect(home.x).toBeGreaterThan(0);
      expect(home.x + 20 * map.houseScale).toBeLessThan(map.width);
      expect(home.y).toBeGreaterThan(0);
      expect(home.y).toBeLessThan(map.height);
    }
    const places = new Set(map.homes.map(({ x, y }) => `${Math.round(x)} ${Math.round(y)}`));
    expect(places.size).toBe(count);
  });
});

test('a higher box is filled to its foot, and no lower than the homes need', () => {
  expect(layOutStreets(20, 860, 700).height).toBeCloseTo(700);
  expect(layOutStreets(20, 860, 10).height).toBe(layOutStreets(20, 860).height);
});
