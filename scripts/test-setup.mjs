// Before all tests: what this machine lacks, and what that means. In CI a lack is not passed over: the tests fail.
import { bsdiffPatchMaker } from '../packages/core/dist/publish/index.js';

export default async function setup() {
  const answer = await bsdiffPatchMaker().available();
  if (answer.ok) return;
  const isCi = process.env.CI !== undefined;
  console.log(`${isCi ? 'These will fail' : 'Skipped'}: tests that make bsdiff40 patches. ${answer.reason}`);
  if (!isCi) process.env.REMENDO_TEST_LACKS_BSDIFF = '1';
}
