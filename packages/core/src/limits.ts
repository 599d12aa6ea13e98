/**
 * Every bound on what comes from outside, in one place, each with its unit in its name. Decoders enforce them before
 * they allocate. They are generous for real releases and small against a machine with 2 GB of memory.
 */
export const limits = {
  manifestBytesMax: 64 * 1024 * 1024,
  manifestFilesMax: 200_000,
  /** One release path, in UTF-8 bytes. Windows stops at 32,767 UTF-16 units for the whole path. */
  pathBytesMax: 1_024,
  /** One segment of a path: NTFS and ext4 stop at 255. */
  pathSegmentBytesMax: 255,
  pathSegmentsMax: 64,
  /** One file of a release. */
  fileBytesMax: 64 * 1024 ** 3,
  /** All files of a release together. */
  releaseBytesMax: 256 * 1024 ** 3,
  /** Application slugs, versions, platforms, channels. */
  nameCharactersMax: 64,
  versionCharactersMax: 64,
  versionTextBytesMax: 64 * 1024,

  /** The index of a delta: encoded, and after its compression is undone. */
  deltaIndexEncodedBytesMax: 32 * 1024 * 1024,
  deltaIndexBytesMax: 96 * 1024 * 1024,
  /** And not more than this, and so many times as much as it is encoded: a bomb has to be as large as what it does. */
  deltaIndexSpareBytes: 8 * 1024 * 1024,
  deltaIndexRatioMax: 64,
  deltaObjectsMax: 65_536,
  deltaDerivationsMax: 400_000,
  /** Bases and targets of all derivations of a delta together. */
  deltaReferencesMax: 1_000_000,
  patchBasesMax: 4_096,
  patchTargetsMax: 4_096,

  /** A plan answer, by contract; the terminal refuses a larger one. */
  planAnswerBytesMax: 64 * 1024,
  /** What the server aims for. */
  planAnswerBytesGoal: 8 * 1024,
  /** Any other JSON answer. */
  answerBytesMax: 1024 * 1024,
  /** The bodies of identify and contents requests. */
  requestBytesMax: 1024 * 1024,
  contentsPerRequestMax: 1_024,

  zipEntriesMax: 200_000,
  zipCommentBytesMax: 65_535,

  journalBytesMax: 256 * 1024 * 1024,
  /** Steps around one swap, how long one may take, and what is kept of its output. */
  stepsMax: 64,
  stepTimeMsMax: 24 * 3_600_000,
  stepOutputCharactersMax: 8_000,
  redirectsMax: 3,

  /** All bases of a `remendo` patch together, and all its targets: addresses have 32 bits. */
  remendoBytesMax: 2 ** 31 - 1,
  /** Blocks of a patch that knows references: all of them are in memory, 12 bytes each. */
  patchBlocksMax: 500_000,
  /** Programs among the bases, or the targets, of a patch, and what is said of each. */
  patchImagesMax: 4_096,
  imageRegionsMax: 256,
  regionSwitchesMax: 65_536,
  /** The base relocations of one program. */
  relocationBytesMax: 4 * 1024 * 1024,
  /** What the references of a patch are described by. */
  referencesBytesMax: 1024 * 1024,
  /** The list of streams that a patch sees inflated, encoded or not, and how many there are in its bases or its targets. */
  containersDataBytesMax: 2 * 1024 * 1024,
  containerStreamsMax: 65_536,
  /** What is held in memory of one stream: its corrections, a chunk of a PNG. */
  correctionsBytesMax: 4 * 1024 * 1024,
  idatChunkBytesMax: 1024 * 1024,

  /** Signed metadata: any of it, then each kind as a terminal fetches it. Roots and timestamps are of some hundred bytes. */
  metadataBytesMax: 2 * 1024 * 1024,
  metadataDepthMax: 16,
  metadataKeysMax: 64,
  metadataNameCharactersMax: 200,
  rootBytesMax: 64 * 1024,
  timestampBytesMax: 16 * 1024,
  snapshotBytesMax: 1024 * 1024,
  targetsBytesMax: 1024 * 1024,
  /** Roots that one refresh walks through at most. */
  rootRotationsMax: 256,
  /** What a terminal keeps of it all: `.remendo/trust/metadata.json`. */
  trustStateBytesMax: 8 * 1024 * 1024,

  /** What an offline bundle says of itself, with all signed metadata that it carries. */
  bundleDescriptionBytesMax: 32 * 1024 * 1024,
  /** A terminal's receipt, and the part of it that a MAC is over. */
  receiptBytesMax: 1024 * 1024,
  receiptBodyBytesMax: 512 * 1024,

  /** OpenPGP: a file of detached signatures, and one of public keys; how many either may hold. */
  signatureBytesMax: 64 * 1024,
  signaturesMax: 16,
  openPgpKeysBytesMax: 1024 * 1024,
  openPgpKeysMax: 64,

  /** bsdiff-node needs about 17 times the base; a larger base is sent whole. */
  bsdiffBaseBytesMax: 128 * 1024 * 1024,
} as const;
