export { startGateway } from './gateway.ts';
export type { BatteryState, Gateway, GatewayOptions, GatewayStatistics, GatewayTuning } from './contract.ts';
export type { DeviceConfig, DeviceRole, Nameplate } from './config.ts';
export type { Deliver } from './delivery.ts';
export type { ClampReason, DispatchRecord } from './dispatch/record.ts';
export { POLICIES, type Policy } from './opcua/client.ts';
export { gatewayCertificate } from './opcua/pki.ts';
export { loadProfile, profileNames } from './profile/load.ts';
export { checkConfig, type CheckResult, type CheckRow } from './command/check.ts';
export { parseConfig, readConfig, type GatewayFile } from './command/file.ts';
export { openGatewayKey, openKey, runFromConfig, type RunOptions } from './command/run.ts';
export { scanHost, type ScanOptions, type ScanResult } from './command/scan.ts';
export type { FoundDevice } from './command/scan-modbus.ts';
export {
  listEndpoints,
  type FoundEndpoint,
  type FoundServer,
  type OpcuaLogin,
} from './command/scan-opcua.ts';
export { systemClock } from './system-clock.ts';
