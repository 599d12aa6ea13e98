import {
  fuzzAnswerWindow,
  fuzzCheckAnswer,
  fuzzContentsAnswer,
  fuzzHttpAnswer,
  fuzzIdentifyAnswer,
  fuzzPlanAnswer,
} from './fuzz-answers.js';
import { fuzzBsdiff40, fuzzBsdiff40Control, fuzzBzip2 } from './fuzz-bsdiff40.js';
import { fuzzBundle, fuzzBundleDescription } from './fuzz-bundle.js';
import { fuzzContainedBase, fuzzContainerMaker, fuzzContainerStreams, fuzzContainers } from './fuzz-containers.js';
import { fuzzDeflate, fuzzDeflateReader } from './fuzz-deflate.js';
import { fuzzDeltaFile, fuzzDeltaIndex } from './fuzz-delta.js';
import { fuzzGoldenPatch } from './fuzz-golden.js';
import { fuzzInstalled, fuzzLock, fuzzState } from './fuzz-install.js';
import { fuzzJournal } from './fuzz-journal.js';
import { fuzzManifest, fuzzVersionText, fuzzXxh64 } from './fuzz-manifest.js';
import { fuzzOpenPgpKeys, fuzzOpenPgpSignature } from './fuzz-openpgp.js';
import { fuzzPreserve, fuzzReleasePath } from './fuzz-paths.js';
import { fuzzProgramReader } from './fuzz-programs.js';
import { fuzzReferencedBase, fuzzReferenceImages, fuzzReferenceMaker, fuzzReferencePatch } from './fuzz-references.js';
import { fuzzRemendo, fuzzRemendoBlocks, fuzzRemendoBytes, fuzzRemendoFar, fuzzRemendoFast } from './fuzz-remendo.js';
import type { FuzzTarget } from './fuzz-target.js';
import { fuzzMetadata, fuzzSignedTrust } from './fuzz-trust.js';
import { fuzzKeyFile, fuzzTrustState } from './fuzz-trust-files.js';
import { fuzzWhole } from './fuzz-whole.js';
import { fuzzZip } from './fuzz-zip.js';

/** Everything that reads bytes from outside. */
export const fuzzTargets: readonly FuzzTarget[] = [
  fuzzManifest,
  fuzzReleasePath,
  fuzzPreserve,
  fuzzVersionText,
  fuzzXxh64,
  fuzzDeltaIndex,
  fuzzDeltaFile,
  fuzzZip,
  fuzzBsdiff40,
  fuzzBsdiff40Control,
  fuzzBzip2,
  fuzzRemendo,
  fuzzRemendoFar,
  fuzzRemendoBlocks,
  fuzzRemendoBytes,
  fuzzRemendoFast,
  fuzzGoldenPatch,
  fuzzContainers,
  fuzzContainerStreams,
  fuzzContainedBase,
  fuzzContainerMaker,
  fuzzReferenceImages,
  fuzzReferencedBase,
  fuzzReferencePatch,
  fuzzReferenceMaker,
  fuzzProgramReader,
  fuzzWhole,
  fuzzDeflate,
  fuzzDeflateReader,
  fuzzJournal,
  fuzzState,
  fuzzInstalled,
  fuzzLock,
  fuzzCheckAnswer,
  fuzzPlanAnswer,
  fuzzContentsAnswer,
  fuzzIdentifyAnswer,
  fuzzHttpAnswer,
  fuzzAnswerWindow,
  fuzzBundleDescription,
  fuzzBundle,
  fuzzMetadata,
  fuzzSignedTrust,
  fuzzTrustState,
  fuzzKeyFile,
  fuzzOpenPgpSignature,
  fuzzOpenPgpKeys,
];
