// Before all tests: what this machine lacks, and what that means. In CI a lack is not passed over: the tests fail.
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bsdiffPatchMaker } from '../packages/core/dist/publish/index.js';

/** Servers that tests need, by the variable that names them, and what starts one. */
const servers = { REMENDO_TEST_POSTGRES: 'scripts/start-postgres.sh', REMENDO_TEST_S3: 'scripts/start-s3.sh' };

export default async function setup() {
  lookForServers();
  lookForGpg();
  await lookForBsdiff();
  return packForTests();
}

async function lookForBsdiff() {
  const answer = await bsdiffPatchMaker().available();
  if (answer.ok) return;
  const isCi = process.env.CI !== undefined;
  console.log(`${isCi ? 'These will fail' : 'Skipped'}: tests that make bsdiff40 patches. ${answer.reason}`);
  if (!isCi) process.env.REMENDO_TEST_LACKS_BSDIFF = '1';
}

function lookForServers() {
  const missing = Object.keys(servers).filter((name) => (process.env[name] ?? '') === '');
  if (missing.length === 0) return;
  const how = missing.map((name) => `eval "$(${servers[name]})"`).join('; ');
  const what = `tests that need ${missing.join(' and ')}`;
  if (process.env.REMENDO_TEST_REQUIRE === '1') throw new Error(`${what} can not run: ${how}`);
  console.log(`Skipped: ${what}. To run them: ${how}`);
}

function lookForGpg() {
  if (spawnSync('gpg', ['--version'], { stdio: 'ignore' }).status === 0) return;
  const what = 'tests that sign and verify with the real gpg';
  if (process.env.REMENDO_TEST_REQUIRE === '1') throw new Error(`${what} can not run: install gnupg`);
  console.log(`Skipped: ${what}. To run them: install gnupg`);
  process.env.REMENDO_TEST_LACKS_GPG = '1';
}

/**
 * The command as it is installed: packed, it starts in a third of the time, and tests start it a thousand times. Each run of the
 * tests has its own, of what is built now.
 * @returns what removes it.
 */
async function packForTests() {
  const folder = await mkdtemp(fileURLToPath(new URL('../packages/cli/dist/packed-', import.meta.url)));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const { packCommand } = await import('../packages/cli/pack.mjs');
    await packCommand(folder);
    process.env.REMENDO_TEST_COMMAND = `${folder}/remendo.js`;
  } catch (error) {
    await remove();
    if (process.env.CI !== undefined) throw error;
    console.log(`The command can not be packed, tests start it as it is built: ${error.message}`);
  }
  return remove;
}
