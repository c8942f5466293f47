export { startGateway } from './gateway.ts';
export type { BatteryState, Gateway, GatewayOptions, GatewayStatistics, GatewayTuning } from './gateway.ts';
export type { DeviceConfig, DeviceRole } from './config.ts';
export type { Deliver } from './delivery.ts';
export type { ClampReason, DispatchRecord } from './dispatch/record.ts';
export { gatewayCertificate } from './opcua/pki.ts';
export { loadProfile, profileNames } from './profile/load.ts';
