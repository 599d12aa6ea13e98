import { availableParallelism } from 'node:os';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** They start programs, or stop an update at every operation. */
const isLong = ({ moduleId }: TestSpecification): boolean => /\.(e2e|crash|model)\.test\.ts$|\/bench\/src\//.test(moduleId);

/** What takes long comes first: none of it may be what all else waits for in the end. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

/** What every project has. */
const common: TestProjectInlineConfiguration['test'] = {
  // By Node, not by Vite.
  server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
  setupFiles: 'packages/server/src/testing/watch-answers.ts',
  // Many wait for servers and programs that they started.
  maxWorkers: availableParallelism() + 1,
  // They only end what hangs: a busy machine may take its time.
  testTimeout: 180_000,
  hookTimeout: 180_000,
  expect: { poll: { timeout: 30_000 } },
};

const project = (
  name: string,
  include: string[],
  test: TestProjectInlineConfiguration['test'],
): TestProjectInlineConfiguration => ({
  test: { ...common, name, include, ...test },
});

/**
 * The embedded database is ten megabytes of WebAssembly. A test asks it a few questions: making fast code of it would be
 * most of the work. Core's kernels compute, and are compiled as they are for users.
 */
const withDatabases = { execArgv: ['--liftoff-only'] };

// Tests run from source; what they import by package name is the built package, as its users get it.
export default defineConfig({
  test: {
    projects: [
      project('bench', ['bench/src/**/*.test.ts'], withDatabases),
      project('cli', ['packages/cli/src/**/*.test.ts'], withDatabases),
      project('server', ['packages/server/src/**/*.test.ts'], withDatabases),
      project('core', ['packages/core/src/**/*.test.ts'], {}),
    ],
    sequence: { sequencer: LongFirst },
    maxWorkers: common.maxWorkers,
    // Once for all projects. Nothing that the tests print may hold a secret that they handed out: searched when all are over.
    globalSetup: ['scripts/test-setup.mjs', 'packages/server/src/testing/search-leaks.ts'],
  },
});
