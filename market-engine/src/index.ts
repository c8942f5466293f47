export { BOOK_ORDERS_MAX, ENERGY_WH_MAX, PRICE_MICRO_PER_KWH_MAX } from './auction/book-rules.ts';
export { parseBook } from './auction/parse-book.ts';
export { freezeBook, frozenOrders, type BookSide, type FrozenBook } from './auction/freeze-book.ts';
export { clearBook, MECHANISMS, type Mechanism } from './auction/mechanisms.ts';
export { buildStatement, statementTotals } from './statement/build-statement.ts';
export type { Metered, StatementInput } from './statement/statement-input.ts';
export { buildSlotRecords, type SlotInputs } from './statement/slot-records.ts';
export { rebuildRecords } from './statement/rebuild-records.ts';
export { trueUpOriginProblem } from './statement/true-up-origin.ts';
export { checkFeeder } from './feeder/check.ts';
export { feederSlotOf, type FeederSlot, type HomeFlow } from './feeder/flows.ts';
export { feederReport } from './feeder/suspects.ts';
export { orderLimitProblem } from './statement/order-limits.ts';
export { buildCertificate, type Certificate } from './certificate/build-certificate.ts';
export { checkCertificate, type CertificateVerdict } from './certificate/check-certificate.ts';

export { openMarket } from './service/open-market.ts';
export type {
  CollateralPort,
  EstimatePort,
  FeederFilter,
  FeederHealth,
  Market,
  MarketEvent,
  MarketHealth,
  MarketOptions,
  Membership,
  MembersTaken,
  OrderTaken,
  ReadingTaken,
  SettlementPort,
  SlotFilter,
  SlotSummary,
  TelemetryPoint,
  TelemetryPort,
} from './service/ports.ts';
export { SLOT_STATES, type SlotState } from './slot/machine.ts';
export { slotDeadlines, type SlotDeadlines } from './slot/deadlines.ts';
export { buildMarketServer, type MarketServerOptions } from './api/server.ts';
export { ownKeyHeader, type RequestPayload } from './api/own-key.ts';
export { problemOf } from './api/problems.ts';
export {
  createMarketClient,
  type FeederPage,
  type MarketClient,
  type MarketClientOptions,
  type OwnStatement,
} from './client/client.ts';
export {
  createInfluxTelemetry,
  type InfluxTelemetry,
  type InfluxTelemetryOptions,
  type TelemetryStatistics,
} from './telemetry/influx-telemetry.ts';
export type { TelemetryFieldType, TelemetryMeasurement } from './telemetry/checked-point.ts';
export { createMemoryTelemetry, type MemoryTelemetry } from './telemetry/memory-telemetry.ts';
