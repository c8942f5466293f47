import { expect, test } from 'vitest';
import { homeHref, routeOf } from './route.ts';

test.each([
  ['', { page: 'neighbourhood' }],
  ['#/', { page: 'neighbourhood' }],
  ['#/chain', { page: 'chain' }],
  [homeHref('home-03'), { page: 'home', id: 'home-03' }],
  ['#/home/', { page: 'neighbourhood' }],
  ['#/home/<b>', { page: 'neighbourhood' }],
  ['#/what', { page: 'neighbourhood' }],
])('%s leads to %o', (hash, route) => expect(routeOf(hash)).toEqual(route));
