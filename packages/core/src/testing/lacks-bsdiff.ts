/**
 * True where bsdiff-node could not be compiled and the tests that need it are left out: said once before the tests run,
 * by scripts/test-setup.mjs. Never true in CI.
 */
export const lacksBsdiff = process.env.REMENDO_TEST_LACKS_BSDIFF === '1';
