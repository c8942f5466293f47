/* Real programs that the tests of several folders run against; nothing here is part of the running system. */
export { freePort } from './free-port.ts';
export { findInfluxd, makeInfluxServer, type InfluxServer, type QueryAnswer } from './influxd.ts';
export {
  open62541Missing,
  open62541Program,
  open62541Server,
  type Folder,
  type Open62541,
  type Variable,
} from './open62541.ts';
