export {
  MEASUREMENTS,
  influxSchema,
  type FieldOf,
  type FieldSpec,
  type FieldType,
  type InfluxMeasurement,
  type Measurement,
  type MeasurementSpec,
  type TagOf,
} from './schema.ts';
export { CHAIN_RULES } from './provisioning.ts';
