import type { TelemetryPoint } from '../service/ports.ts';

/** A bounded queue: when it is full the oldest points give way and are counted. */
export class PointBuffer {
  readonly #pointsMax: number;
  #points: TelemetryPoint[] = [];
  /** Points before this index are gone; saves shifting the array. */
  #head = 0;
  dropped = 0;

  constructor(pointsMax: number) {
    this.#pointsMax = pointsMax;
  }

  get length(): number {
    return this.#points.length - this.#head;
  }

  add(point: TelemetryPoint): void {
    this.#points.push(point);
    if (this.length <= this.#pointsMax) return;
    this.remove(1);
    this.dropped++;
  }

  /** The oldest points, without taking them out. */
  peek(count: number): TelemetryPoint[] {
    return this.#points.slice(this.#head, this.#head + count);
  }

  remove(count: number): void {
    this.#head = Math.min(this.#head + count, this.#points.length);
    if (this.#head > 1024 && this.#head * 2 > this.#points.length) {
      this.#points = this.#points.slice(this.#head);
      this.#head = 0;
    }
  }
}
