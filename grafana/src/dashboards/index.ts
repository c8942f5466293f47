import type { DashboardSpec } from '../dashboard.ts';
import { community } from './community.ts';
import { feeders } from './feeders.ts';
import { gateways } from './gateways.ts';
import { market } from './market.ts';
import { operator } from './operator.ts';
import { site } from './site.ts';
import { storage } from './storage.ts';

/** In the order an operator meets them. */
export const DASHBOARDS: readonly DashboardSpec[] = [
  operator,
  feeders,
  community,
  gateways,
  market,
  storage,
  site,
];
