import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Tests run from source; what they import by package name is the built package, as its users get it.
export default defineConfig({
  test: {
    include: ['packages/*/src/**/*.test.ts', 'bench/src/**/*.test.ts'],
    // Nothing that the tests print may hold a secret that they handed out: searched when all are over.
    globalSetup: ['scripts/test-setup.mjs', 'packages/server/src/testing/search-leaks.ts'],
    setupFiles: 'packages/server/src/testing/watch-answers.ts',
    // Many wait for servers and programs that they started.
    maxWorkers: availableParallelism() + 1,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
