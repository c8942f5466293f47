export { planMeasured } from './measured.ts';
export { startPark, type Park } from './park.ts';
export { MILLIJ_PER_WH } from './energy.ts';
export type {
  BatterySpec,
  DeviceRole,
  FaultKind,
  FeederSpec,
  HomeSpec,
  NeighbourhoodSpec,
  ParkDevice,
  ParkHome,
} from './spec.ts';
export { planSynthetic } from './synthetic.ts';
export type { HomeTruth } from './world.ts';
