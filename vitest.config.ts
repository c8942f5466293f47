import { defineConfig } from 'vitest/config';

const FOLDERS = '{domain,meter-gateway,forecasts,home-agent,market-engine,substrate-client,grafana,web,app}';

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          include: [`${FOLDERS}/**/*.test.ts`],
          exclude: ['**/node_modules/**', 'app/test/**'],
          // Many talk to real servers on loopback with real deadlines: two at a time would make them judge the machine.
          fileParallelism: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Whole neighbourhoods with a chain each: one after the other, when the parts are done.
        extends: true,
        test: {
          name: 'system',
          include: ['app/test/**/*.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
