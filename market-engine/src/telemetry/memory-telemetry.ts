import type { TelemetryPoint, TelemetryPort } from '../service/ports.ts';
import { PointBuffer } from './point-buffer.ts';

export interface MemoryTelemetry extends TelemetryPort {
  /** The points that are kept, oldest first; of one measurement when named. */
  points(measurement?: string): TelemetryPoint[];
}

/** A ring of the last points behind the same port, for when there is no InfluxDB. */
export function createMemoryTelemetry(options: { readonly pointsMax?: number } = {}): MemoryTelemetry {
  const buffer = new PointBuffer(options.pointsMax ?? 10_000);
  return {
    write: (points) => {
      for (const point of points) buffer.add(point);
    },
    points: (measurement) => {
      const all = buffer.peek(buffer.length);
      return measurement === undefined ? all : all.filter((point) => point.measurement === measurement);
    },
  };
}
