/**
 * Recursive least squares with forgetting: a ridge regression kept up to date one sample at a time.
 * The prior weights are the centre of the ridge, so before any data it predicts what we would have guessed.
 * Formulas: Ljung, System Identification (2nd ed.), section 11.2.
 */
export class LeastSquares {
  private readonly weights: Float64Array;
  private readonly covariance: Float64Array;
  private readonly gain: Float64Array;
  private readonly memory: number;
  private readonly varianceMax: number;

  /** `priorVariance`: of a weight, in units of the noise's variance. `memorySamples`: after so many samples one counts 1/e. */
  constructor(priorWeights: readonly number[], priorVariance: number, memorySamples: number) {
    const size = priorWeights.length;
    this.weights = Float64Array.from(priorWeights);
    this.covariance = new Float64Array(size * size);
    this.gain = new Float64Array(size);
    this.memory = 1 - 1 / memorySamples;
    this.varianceMax = priorVariance;
    for (let i = 0; i < size; i += 1) this.covariance[i * size + i] = priorVariance;
  }

  predict(features: ArrayLike<number>): number {
    let total = 0;
    for (let i = 0; i < this.weights.length; i += 1) total += (this.weights[i] ?? 0) * (features[i] ?? 0);
    return total;
  }

  /** `importance` 0 to 1: as if only that share of a sample had been seen. */
  learn(features: ArrayLike<number>, target: number, importance = 1): void {
    if (!(importance > 0)) return;
    const { weights, covariance, gain } = this;
    const size = weights.length;
    let spread = this.memory / importance;
    for (let i = 0; i < size; i += 1) {
      let entry = 0;
      for (let j = 0; j < size; j += 1) entry += (covariance[i * size + j] ?? 0) * (features[j] ?? 0);
      gain[i] = entry;
      spread += entry * (features[i] ?? 0);
    }
    const error = target - this.predict(features);
    for (let i = 0; i < size; i += 1) weights[i] = (weights[i] ?? 0) + ((gain[i] ?? 0) * error) / spread;
    let largest = 0;
    for (let i = 0; i < size; i += 1) {
      for (let j = 0; j < size; j += 1) {
        const at = i * size + j;
        covariance[at] = ((covariance[at] ?? 0) - ((gain[i] ?? 0) * (gain[j] ?? 0)) / spread) / this.memory;
      }
      largest = Math.max(largest, covariance[i * size + i] ?? 0);
    }
    // Forgetting without news (a flat night) would let the variance grow without bound.
    if (largest > this.varianceMax) {
      const shrink = this.varianceMax / largest;
      for (let at = 0; at < covariance.length; at += 1) covariance[at] = (covariance[at] ?? 0) * shrink;
    }
  }
}
