/**
 * Every check but the tests, one line each: types (which also builds), format and lint, import graph. Says more only
 * about what failed.
 *
 *     node scripts/check.mjs
 */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const sources = ['packages/core/src', 'packages/server/src', 'packages/cli/src', 'bench/src'];

/** Started by this Node from node_modules: the same on every system. */
const checks = [
  { name: 'types', program: 'typescript/bin/tsc', args: ['-b'] },
  { name: 'format and lint', program: '@biomejs/biome/bin/biome', args: ['check', '--error-on-warnings', '--max-diagnostics=50'] },
  {
    name: 'import graph',
    program: 'dependency-cruiser/bin/dependency-cruise.mjs',
    args: ['--config', '.dependency-cruiser.mjs', ...sources],
  },
];

function run({ name, program, args }) {
  const start = performance.now();
  const { status, signal, stdout, stderr, error } = spawnSync(process.execPath, [join('node_modules', program), ...args], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const seconds = ((performance.now() - start) / 1_000).toFixed(1);
  const isGood = status === 0;
  console.log(`${isGood ? '✔' : '✖'} ${name.padEnd(16)} ${seconds.padStart(6)} s`);
  if (!isGood)
    console.log(`${stdout ?? ''}${stderr ?? ''}${error?.message ?? (signal === null ? '' : `ended by ${signal}`)}`.trimEnd());
  return isGood;
}

// All of them, so that every problem is told at once.
if (!checks.map(run).every(Boolean)) process.exitCode = 1;
