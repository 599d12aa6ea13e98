export { type ByteSource, bufferSource, sliceSource } from './bytes/byte-source.js';
export { escapeUnprintable } from './bytes/escape-unprintable.js';
export {
  blockCountOf,
  blockDigest,
  blockDigestCharacters,
  blockRunBytesMax,
  blockSizes,
  encodeBlockFrameHead,
  readBlockFrames,
} from './delta/content-blocks.js';
export type { Blob, Content, Delta, DeltaObject, Derivation, EncodingName } from './delta/delta.js';
export { derivationBases, derivationTargets, sharesOfBlob } from './delta/delta.js';
export { type DeltaFile, decodeDeltaFile, encodeDeltaFileHead, isDeltaFile } from './delta/delta-file.js';
export { type DeltaIndex, decodeDeltaIndex, encodeDeltaIndex } from './delta/delta-index.js';
export { type DeltaCauses, type DescribedDelta, describeDelta } from './delta/describe-delta.js';
export { contentsOf, indexDelta, resolveDelta } from './delta/resolve-delta.js';
export { answerValidator } from './download/answer-validator.js';
export { type BandwidthLimit, createBandwidthLimit } from './download/bandwidth-limit.js';
export {
  type FolderPiece,
  folderObjectSource,
  folderPieceBytes,
  folderPieces,
  objectFilePath,
  openFolderObject,
} from './download/folder-object-source.js';
export type { HttpClientOptions } from './download/http-client.js';
export { createHttpClient, type HttpClient } from './download/http-client.js';
export { httpFailure, problemBytesMax } from './download/http-failure.js';
export { httpObjectSource } from './download/http-object-source.js';
export type { ObjectRequest, ObjectSource, PlanNames } from './download/object-source.js';
export { relayHello, relayObjectPath } from './download/relay-client.js';
export { type RelayEvent, type RelaySource, type RelaySourceOptions, relaySource } from './download/relay-source.js';
export { parseRetryAfter } from './download/retry-policy.js';
export { parseServerUrl, urlBelow } from './download/secure-url.js';
export {
  type ErrorCode,
  type ErrorDetails,
  errorCatalogue,
  errorChain,
  hasCode,
  isUpdaterError,
  type RetryClass,
  UpdaterError,
} from './errors.js';
export { copyFile, readSmallFile } from './file-system/file-source.js';
export type { FileHandle, FileStat, FileSystem } from './file-system/file-system.js';
export { assertFreeBytes } from './file-system/free-space.js';
export { hashFile } from './file-system/hash-file.js';
export { nodeFileSystem } from './file-system/node-file-system.js';
export { removeTree } from './file-system/remove-tree.js';
export { syncNames, writeDurably } from './file-system/write-durably.js';
export { type Digest, DigestStream, digestOf, digestOfSource, isDigest } from './hash/digest.js';
export { limits } from './limits.js';
export { encodeManifest, manifestDigest } from './manifest/encode-manifest.js';
export { emptyManifest, type Manifest, type ManifestFile, manifestBytes } from './manifest/manifest.js';
export { parseManifest, parseManifestOfDigest } from './manifest/parse-manifest.js';
export { parseReleasePath, type ReleasePath, releasePathToFilePath } from './manifest/release-path.js';
export {
  compareVersions,
  encodeVersionText,
  isSemver,
  parseVersion,
  parseVersionText,
  type ReleaseVersion,
  shownVersion,
} from './manifest/version.js';
export { nodeClock, nodeRandom } from './node-ports.js';
export { applyPatch } from './patch/apply-patch.js';
export { type Bsdiff40Streams, bsdiff40HeaderBytes, decodeLength, openBsdiff40 } from './patch/bsdiff40/bsdiff40-header.js';
export { type CodecName, codecNames, isCodecName, unannouncedCodecs } from './patch/codec-name.js';
export type { PatchCauses, PatchReport, TransformReport } from './patch/describe-patch.js';
export { explainChoice } from './planner/explain-choice.js';
export { limitRanges } from './planner/merge-ranges.js';
export {
  type ByteRange,
  type DeltaRecipe,
  type ObjectFetch,
  type Plan,
  type PlanChoice,
  type PlanCost,
  type PlanInput,
  requestCostBytes,
} from './planner/plan.js';
export { nothingHeld, planCost } from './planner/plan-cost.js';
export { planUpdate } from './planner/plan-update.js';
export type { Clock, Random } from './ports.js';
export { bucketCount, bucketOf } from './rollout/bucket-of.js';
export {
  decideHalt,
  defaultHaltRule,
  type HaltDecision,
  type HaltRule,
  type RolloutOutcomes,
  wilsonLowerBound,
} from './rollout/decide-halt.js';
export { decideOffer, isLetOutTo } from './rollout/decide-offer.js';
export {
  type Channel,
  type NoOfferReason,
  type Offer,
  type OfferableRelease,
  type OfferInput,
  type OfferTerminal,
  type OrderedReleases,
  orderReleases,
  type ReleaseType,
  type Rollout,
} from './rollout/offer.js';
export { nextReleaseState, type ReleaseState, releaseTransitions } from './rollout/release-state.js';
export { assertOneVolume } from './transaction/assert-one-volume.js';
export { peekInstall } from './transaction/install.js';
export { type InstallLayout, installLayout } from './transaction/install-layout.js';
export { acquireInstallLock, type InstallLock } from './transaction/install-lock.js';
export { type ParsedJournal, parseJournal } from './transaction/journal.js';
export type { StepCommand, StepPhase } from './transaction/journal-record.js';
export { nodeProcessProbe } from './transaction/node-process-probe.js';
export { nodeRunningPrograms } from './transaction/node-running-programs.js';
export type { ProcessProbe } from './transaction/process-probe.js';
export type { RunningProgram, RunningPrograms } from './transaction/running-programs.js';
export type { StepEnd, StepRunner } from './transaction/step-runner.js';
export { bundleFile, describeFreshness, openBundleTrust } from './trust/bundle-metadata.js';
export { httpMetadataSource, type MetadataSource, mapMetadataSource } from './trust/metadata-source.js';
export { type MetadataFiles, openTufSession, type TufSession, type TufSessionOptions } from './trust/node-tuf-session.js';
export type { OpenPgpFile } from './trust/openpgp-blocks.js';
export { describeOpenPgpKeys, type OpenPgpKeyInfo } from './trust/openpgp-keys.js';
export {
  armorOpenPgpSignature,
  type OpenPgpCheck,
  type OpenPgpClaim,
  type OpenPgpSigner,
  verifyOpenPgpSignature,
} from './trust/openpgp-signature.js';
export { type MetadataOfKind, parseMetadata, signedAtMs } from './trust/parse-metadata.js';
export { isSealedBy, readReceipt, sealReceipt } from './trust/receipt.js';
export {
  announcedTrust,
  type ReleaseClaim,
  type ReleaseTrust,
  type TrustStatus,
  type VerifiedRelease,
} from './trust/release-trust.js';
export { SignedTrust, type SignedTrustOptions, type TrustedTop } from './trust/signed-trust.js';
export { type BundleServerApiOptions, bundleServerApi } from './update/bundle-server-api.js';
export { applicationEnvironment, toolEnvironment } from './update/child-environment.js';
export type { DownloadedUpdate } from './update/download-update.js';
export { blockVersion, type Installed, type InstallState } from './update/install-state.js';
export { endChild } from './update/node-end-tree.js';
export { type NodeHostOptions, nodeApplicationStarter, nodeHost } from './update/node-host.js';
export { exitOf, startProgram } from './update/node-start-program.js';
export { nodeStepRunner } from './update/node-step-runner.js';
export type { PlanLoser, PlanOffer, UpdatePlan } from './update/offer-plans.js';
export { type OfflineBundle, type OfflineBundleOptions, offlineBundle } from './update/offline-bundle.js';
export { type Bundle, bundleDescriptionFile, bundleDescriptionPath, parseBundle, readBundle } from './update/open-bundle.js';
export {
  type ApplicationStarter,
  defaultHealthRule,
  type ExitStatus,
  failedStart,
  type HealthProbes,
  type HealthRule,
  proveStart,
  type RunningApplication,
  type StartCommand,
  type StartProof,
} from './update/prove-start.js';
export type { RepairOptions, RepairPlan, RepairReport } from './update/repair-install.js';
export { assertRequirements, type Machine, type OperatingSystem } from './update/requirements.js';
export { problemsOf as problemsOfSteps, type Step, type StepProgram, type Steps } from './update/steps.js';
export { type SurveyedFile, surveyInstall } from './update/survey-install.js';
export type { Host, InstallGate, SwapAhead } from './update/update-context.js';
export type { OnUpdateEvent, UpdateEvent } from './update/update-event.js';
export type {
  CheckResult,
  PrepareResult,
  StartResult,
  UpdateOptions,
  UpdateResult,
} from './update/update-options.js';
export {
  createUpdater,
  type StagedSession,
  type TrustPolicy,
  type Updater,
  type UpdaterOptions,
} from './update/updater.js';
export type { VerifyReport } from './update/verify-install.js';
export type { ContentFile, DeriveJob } from './workers/derive-contents.js';
export type { Deriver } from './workers/deriver.js';
export { moduleWorkerLoader, textWorkerLoader, type WorkerLoader } from './workers/worker-loader.js';
export { openZip, type Zip, type ZipEntry } from './zip/read-zip.js';
