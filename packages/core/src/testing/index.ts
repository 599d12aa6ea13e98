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
export { type FuzzOptions, type FuzzReport, type FuzzTarget, fuzzInputs, runFuzz } from './fuzz.js';
export { fuzzBsdiff40, fuzzBsdiff40Control, fuzzBzip2 } from './fuzz-bsdiff40.js';
export { fuzzContainedBase, fuzzContainerStreams, fuzzContainers } from './fuzz-containers.js';
export { fuzzDeflate } from './fuzz-deflate.js';
export {
  fuzzDeltaFile,
  fuzzDeltaIndex,
  fuzzManifest,
  fuzzPlanAnswer,
  fuzzReleasePath,
  fuzzState,
  fuzzVersionText,
  fuzzZip,
} from './fuzz-formats.js';
export { fuzzJournal, sampleJournal } from './fuzz-journal.js';
export { fuzzReferencedBase, fuzzReferenceImages, fuzzReferenceMaker, fuzzReferencePatch } from './fuzz-references.js';
export { fuzzRemendo, fuzzRemendoBlocks, fuzzRemendoBytes, fuzzRemendoFar, fuzzRemendoFast } from './fuzz-remendo.js';
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
