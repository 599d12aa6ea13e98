export type { CodecName } from '../patch/codec-name.js';
export type { PatchReport } from '../patch/describe-patch.js';
export { applicationRole, binOf, manifestTarget, type SignedBuildName, zipTarget } from '../trust/release-targets.js';
export { bsdiffPatchMaker } from './bsdiff-patch-maker.js';
export { type BuildDeltaEvent, type BuildDeltaInput, type BuiltDelta, buildDelta } from './build-delta.js';
export { chooseKnown, type KnownDerivation } from './choose-known.js';
export { type ReproducedStream, reproduce } from './deflate/reproduce-stream.js';
export { readsAllHeld } from './match-contents.js';
export type { DeltaPack } from './pack-blobs.js';
export { type ContentPair, pairContents } from './pair-contents.js';
export type { PatchMaker } from './patch-maker.js';
export type { ReleaseOnDisk } from './release-on-disk.js';
export { type RemendoPatchMakerOptions, remendoPatchMaker } from './remendo-patch-maker.js';
export { type DeltaFileReport, reportFiles } from './report-files.js';
export { assembleManifest, type BuildIdentity, type ScannedFolder, type ScanOptions, scanFolder } from './scan-folder.js';
export { type ContentInZip, type ScannedZip, scanZip } from './scan-zip.js';
export {
  acceptMetadata,
  assertSound,
  binsOf,
  type OfferedMetadata,
  type OfflineMetadata,
} from './signing/accept-metadata.js';
export {
  encodeMetadata,
  keysOfApplicationRole,
  lifetimeDays,
  type NamedTarget,
  nextApplicationRole,
  nextBin,
  nextRoot,
  nextSnapshot,
  nextTargets,
  nextTimestamp,
  type RoleKeys,
  rolesOfRoot,
  rolesOfTargets,
  type TargetsRoles,
  type TopLevelRole,
  type Validity,
} from './signing/build-metadata.js';
export { nextBundle } from './signing/bundle-metadata.js';
export {
  type BuildToSign,
  delegateApplication,
  type FirstKeys,
  newRepository,
  nextOnline,
  type OnlineMetadata,
  type SignedRole,
  signApplication,
  signBuilds,
  signTargets,
} from './signing/repository.js';
export { type AnyMetadata, countSignatures, type SignatureCount, signMetadata } from './signing/sign-metadata.js';
export {
  createSigningKey,
  decodeKeyFile,
  decodePublicKey,
  encodeKeyFile,
  encodePublicKey,
  type SigningKey,
} from './signing/signing-key.js';
export { writeZip } from './write-zip.js';
