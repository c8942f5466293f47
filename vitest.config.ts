import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      '{domain,meter-gateway,forecasts,home-agent,market-engine,substrate-client,grafana,web,app}/**/*.test.ts',
    ],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
  },
});
