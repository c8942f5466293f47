export {
  type BundleRecord,
  type Carry,
  type Estimate,
  type HeldAmount,
  type NetAmount,
  type RegistryPoint,
  type ReleasedAmount,
  type SettlementReceipt,
  type SettlementRecord,
  type SlotToSettle,
  type TrueUp,
} from './bundle.ts';
export { canonicalJson, sha256Hex, type Json } from './canonical.ts';
export { type Clock } from './clock.ts';
export {
  CommonwattError,
  ERROR_CODES,
  toProblem,
  type ErrorCode,
  type ErrorPlace,
  type ProblemDocument,
} from './errors.ts';
export {
  type FeederCheck,
  type FeederReport,
  type FeederVerdict,
  type MeterFault,
  type MeterSuspect,
} from './feeder.ts';
export { COMMUNITY_FUND, compareIds, ID_PATTERN, isId, SUPPLIER } from './id.ts';
export {
  type Book,
  type CancelPayload,
  type Clearing,
  type Fill,
  type Order,
  type OrderPayload,
  type Side,
  type Trade,
} from './market.ts';
export {
  agentKeyOf,
  type GatewayRegistration,
  type MeterReading,
  type Participant,
  type QualityFlag,
  type Reading,
} from './metering.ts';
export { DEFAULT_RULES, type MarketRules, type MechanismName } from './rules.ts';
export { type DemandSignal } from './signal.ts';
export { signatureHolds, signerFromSeed, type Signed, type Signer } from './signing.ts';
export {
  SLOT_PATTERN,
  slotAfter,
  slotEndMs,
  slotHolding,
  slotIdAt,
  slotMs,
  slotStartMs,
  type SlotId,
  type SlotMinutes,
} from './slot.ts';
export { type EnergyPosition, type LineReason, type Statement, type StatementLine } from './statement.ts';
export {
  costNano,
  floorNanoToMicro,
  formatMicro,
  meanPowerW,
  MS_PER_HOUR,
  NANO_PER_MICRO,
  parseAmount,
  sum,
  type Micro,
  type Nano,
} from './units.ts';
export {
  type BatchView,
  type ChainHealthView,
  type FlowView,
  type HomeView,
  type NeighbourhoodView,
  type SignalView,
  type SlotView,
} from './view.ts';
