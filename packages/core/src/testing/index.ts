export { inlineDeriver } from '../workers/deriver.js';
export { arbitraryDelta } from './arbitrary-delta.js';
export { arbitraryManifest, sampleContent, sampleFile, sampleManifest } from './arbitrary-manifest.js';
export {
  Bsdiff40Encoder,
  type Bsdiff40HeaderFields,
  type Bsdiff40Part,
  encodeBsdiff40,
  encodeTriples,
} from './bsdiff40-encoder.js';
export { Bzip2Encoder, type Bzip2EncoderOptions, encodeBzip2, flatCodeLengths } from './bzip2-encoder.js';
export { checkProperty } from './check-property.js';
export { deflated, usualDeflate } from './container-samples.js';
export { CrashFileSystem, type CrashKind, CrashSignal } from './crash-file-system.js';
export { type DeflateSample, deflateSamples } from './deflate-samples.js';
export { CodeCoverage, startCodeCoverage } from './fuzz/code-coverage.js';
export type { FuzzReport } from './fuzz/fuzz-tally.js';
export type { FuzzTarget } from './fuzz/fuzz-target.js';
export { fuzzTargets } from './fuzz/fuzz-targets.js';
export { type FuzzOptions, runFuzz } from './fuzz/run-fuzz.js';
export { createGnupg, type Gnupg, lacksGpg, type NewGpgKey } from './gnupg.js';
export { countSteps, parseRegex, TooManySteps } from './hostile/count-regex-steps.js';
export { deltaFileOf } from './hostile/delta-fixtures.js';
export { fixturesDocument } from './hostile/fixtures-document.js';
export type { HostileAnswer, HostileFixture, HostileInput } from './hostile/hostile-fixture.js';
export { hostileFamilies, hostileFixtures } from './hostile/hostile-fixtures.js';
export {
  baseVersion as hostileBaseVersion,
  hostileBase,
  hostileTarget,
  manifestOf,
  patchedPath,
  type ReleaseBytes,
  releaseAround,
  targetVersion as hostileTargetVersion,
} from './hostile/hostile-release.js';
export { type LibraryDisk, type LibraryInput, refusalInLibrary } from './hostile/refuse-in-library.js';
export { attacksOn } from './hostile/regex-attacks.js';
export {
  answerStatus,
  dropAfter,
  endless,
  gzipped,
  type HonestAnswer,
  type HostileServer,
  hangUp,
  ignoreRange,
  neverAnswer,
  redirectTo,
  type SeenRequest,
  type ServerFault,
  stallAfter,
  startHostileServer,
  withBody,
  withHeaders,
} from './hostile-server.js';
export { lacksBsdiff } from './lacks-bsdiff.js';
export { type ManualClock, manualClock } from './manual-clock.js';
export { type Fault, type FileOperation, MemoryFileSystem, type MemoryFileSystemOptions } from './memory-file-system.js';
export { MemoryScratch, memoryScratch } from './memory-scratch.js';
export { seededRandom } from './seeded-random.js';
export { SimulatedMachine } from './simulated-machine.js';
export { createSimulatedServer, type SimulatedServer } from './simulated-server.js';
export { buildZip, type ZipEntrySpec, type ZipSpec } from './zip-builder.js';
