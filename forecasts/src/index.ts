export { createForecaster, type Forecaster } from './forecaster.ts';
export { scoreForecasts, type Score, type Scored } from './score.ts';
export { clearSkyShare, clearSkyWPerM2, sunElevationSine } from './solar.ts';
export type { HomeSite, Quantiles, SlotEnergy, SlotForecast } from './types.ts';
