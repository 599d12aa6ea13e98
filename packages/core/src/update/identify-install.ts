/**
 * Which release an install is when it does not say so itself, told by what its files hold (product row A1). A sample of
 * the files is hashed and shown to the server; what it answers are claims: a candidate counts when its manifest is signed
 * and the sampled files are in it. Candidates with equally many are told apart by the files in which they differ.
 */
import { hasCode } from '../errors.js';
import { digestOfFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import { type WalkedEntry, walkFolder } from '../file-system/walk-folder.js';
import type { Digest } from '../hash/digest.js';
import { limits } from '../limits.js';
import type { Manifest } from '../manifest/manifest.js';
import { isOwnPath, parseReleasePath, type ReleasePath } from '../manifest/release-path.js';
import type { IdentifyAnswer } from '../protocol/index.js';
import { fetchManifest } from './fetch-objects.js';
import { surveyInstall } from './survey-install.js';
import type { UpdateContext } from './update-context.js';

const filesAskedMax = 128;
/** Of the sample; the first file is always taken. A second or two, also where disks are slow. */
const bytesHashedMax = 512 * 1024 * 1024;
/** Each costs its manifest. */
const candidatesHeldMax = 4;

export interface Identified {
  readonly manifest: Manifest;
  /** Files of the sample that the release has at the same path, and how many were looked at. */
  readonly matched: number;
  readonly asked: number;
}

type Candidate = IdentifyAnswer['candidates'][number];
type SampledFile = Parameters<UpdateContext['api']['identify']>[0][number];

/**
 * The release whose files agree with the install's best; null when none has one, or none of them is signed. Ties go to the
 * one that agrees best in the files in which they differ, then to the version the install claims, then to the newest as
 * the server orders them.
 * @throws UpdaterError DOWNLOAD_…, TRUST_…, MANIFEST_….
 */
export async function identifyInstall(
  context: UpdateContext,
  options: { readonly claimedVersion: string | null; readonly signal?: AbortSignal },
): Promise<Identified | null> {
  const { claimedVersion, signal } = options;
  const sample = await sampleInstall(context, signal);
  if (sample.length === 0) return null;
  const answer = await context.api.identify(sample, signal);
  const byClaim = answer.candidates.toSorted(
    (a, b) => b.matched - a.matched || Number(b.version === claimedVersion) - Number(a.version === claimedVersion),
  );
  const [best] = byClaim;
  const tied = byClaim.filter(({ matched }) => matched === best?.matched);
  const held: Identified[] = [];
  for (const candidate of best?.version === claimedVersion ? tied.slice(0, 1) : tied.slice(0, candidatesHeldMax)) {
    const manifest = await fetchCandidate(context, { ...answer, candidate }, signal);
    if (manifest === null) continue;
    const matched = countMatched(manifest, sample);
    if (matched > 0) held.push({ manifest, matched, asked: sample.length });
  }
  return held.length < 2 ? (held[0] ?? null) : await bestOf(context, held, signal);
}

/** Null for what nobody signed: its files are then whatever they are, an install of unknown files, which are kept. */
async function fetchCandidate(
  context: UpdateContext,
  { application, platform, candidate }: Pick<IdentifyAnswer, 'application' | 'platform'> & { readonly candidate: Candidate },
  signal?: AbortSignal,
): Promise<Manifest | null> {
  const { version, manifest } = candidate;
  const claim = { application, platform, version, manifestDigest: candidate.manifest_digest as Digest };
  const verified = await context.trust.verifyManifest(claim, signal).catch((error) => {
    if (hasCode(error, 'TRUST_RELEASE_UNSIGNED')) return null;
    throw error;
  });
  return verified && fetchManifest(context, { digest: manifest.digest as Digest, bytes: manifest.bytes }, verified, signal);
}

function countMatched(manifest: Manifest, sample: readonly SampledFile[]): number {
  const contents = new Map<string, Digest>(manifest.files.map(({ path, sha256 }) => [path, sha256]));
  return sample.filter(({ path, sha256 }) => contents.get(path) === sha256).length;
}

/** By the files that not all of them have alike; the first among equals. */
async function bestOf({ host, layout }: UpdateContext, held: readonly Identified[], signal?: AbortSignal): Promise<Identified> {
  const counts = new Map<string, number>();
  const keysOf = ({ manifest }: Identified) => manifest.files.map((file) => ({ file, key: `${file.path} ${file.sha256}` }));
  for (const { key } of held.flatMap(keysOf)) counts.set(key, (counts.get(key) ?? 0) + 1);
  let best: { readonly identified: Identified; readonly agrees: number } | null = null;
  for (const identified of held) {
    const files = keysOf(identified).flatMap(({ file, key }) => (counts.get(key) === held.length ? [] : file));
    const survey = await surveyInstall(host.fileSystem, layout.root, { ...identified.manifest, files }, withSignal(signal));
    const agrees = survey.filter(({ finding }) => finding === 'intact' || finding === 'mode').length;
    // A file that is in none of them any more would be in the way of every release but the one it belongs to.
    if (best === null || agrees - files.length > best.agrees) best = { identified, agrees: agrees - files.length };
  }
  return best?.identified as Identified;
}

const withSignal = (signal?: AbortSignal) => (signal === undefined ? {} : { signal });

/**
 * Of every kind of file (by its ending) the largest first, one kind after the other: programs among all the pictures and
 * databases, too. What may differ from the release is left out, and so is what can not be read: it tells nothing.
 */
async function sampleInstall(context: UpdateContext, signal?: AbortSignal): Promise<readonly SampledFile[]> {
  const sample: SampledFile[] = [];
  let hashedBytes = 0;
  for (const { path, filePath, bytes } of inTurns(await candidateFiles(context))) {
    if (sample.length >= filesAskedMax) break;
    if (sample.length > 0 && hashedBytes + bytes > bytesHashedMax) continue;
    const sha256 = await digestOrNull(context.host.fileSystem, filePath, signal);
    hashedBytes += bytes;
    if (sha256 !== null) sample.push({ path, sha256 });
  }
  return sample;
}

interface FoundFile {
  readonly path: ReleasePath;
  readonly filePath: string;
  readonly bytes: number;
}

async function candidateFiles({ host, layout, isPreserved }: UpdateContext): Promise<readonly FoundFile[]> {
  const found: FoundFile[] = [];
  for await (const entry of walkFolder(host.fileSystem, layout.root, (relative) => !isOwnPath(relative))) {
    const path = releasePathOf(entry);
    if (path !== null && entry.stat.bytes > 0 && !isPreserved(path))
      found.push({ path, filePath: entry.filePath, bytes: entry.stat.bytes });
    if (found.length >= limits.manifestFilesMax) break;
  }
  return found.sort((a, b) => b.bytes - a.bytes || (a.path < b.path ? -1 : 1));
}

/** Null for what no release can have: a link, a user's file with an odd name. */
function releasePathOf({ relative, stat }: WalkedEntry): ReleasePath | null {
  if (stat.kind !== 'file') return null;
  try {
    return parseReleasePath(relative.normalize('NFC'));
  } catch {
    return null;
  }
}

/** The first of every kind, then the second of every kind, and so on. */
function* inTurns(files: readonly FoundFile[]): Generator<FoundFile> {
  const kinds = new Map<string, FoundFile[]>();
  for (const file of files) {
    const ending = /\.[^./]{1,8}$/.exec(file.path)?.[0].toLowerCase() ?? '';
    const kind = kinds.get(ending);
    if (kind === undefined) kinds.set(ending, [file]);
    else kind.push(file);
  }
  for (let turn = 0, taken = 0; taken < files.length; turn++) {
    for (const kind of kinds.values()) {
      const file = kind[turn];
      if (file === undefined) continue;
      taken += 1;
      yield file;
    }
  }
}

/** A database that is in use, or a file on a bad sector, tells nothing and stops nothing. */
async function digestOrNull(fileSystem: FileSystem, filePath: string, signal?: AbortSignal): Promise<Digest | null> {
  try {
    return await digestOfFile(fileSystem, filePath, signal);
  } catch (error) {
    if (hasCode(error, 'TRANSACTION_FILE_HELD', 'STORAGE_FAILED')) return null;
    throw error;
  }
}
