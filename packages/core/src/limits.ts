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
  redirectsMax: 3,

  /** All bases of a `remendo` patch together, and all its targets: addresses have 32 bits. */
  remendoBytesMax: 2 ** 31 - 1,

  /** bsdiff-node needs about 17 times the base; a larger base is sent whole. */
  bsdiffBaseBytesMax: 128 * 1024 * 1024,
} as const;
