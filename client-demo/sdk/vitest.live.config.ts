import { defineConfig } from 'vitest/config';

/** Tests against a real server process: `COLLAB_SERVER=<binary> npm run test:live` (default: the debug build of this checkout). */
export default defineConfig({
  test: { include: ['test/live/**/*.live.ts'], pool: 'threads', maxWorkers: 1, testTimeout: 60_000, hookTimeout: 60_000 },
});
