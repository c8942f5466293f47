export { dispatchBattery, type DispatchInput } from './dispatch.ts';
export { meanWh } from './need.ts';
export { ordersFor, type OrdersInput } from './orders.ts';
export { planHome, type PlanInput } from './plan.ts';
export { shareImportLimit, type LimitedHome } from './share-limit.ts';
export type {
  AgentBattery,
  AgentHome,
  BatterySetpoint,
  Commitment,
  ExpectedSlot,
  HomeOrder,
  HomePlan,
  HomeReading,
  ImportLimit,
  MarketOutlook,
  PlanSlot,
  Quantiles,
  ValueStep,
} from './types.ts';
