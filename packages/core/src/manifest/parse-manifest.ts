import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { jsonOutline } from '../bytes/json-outline.js';
import { UpdaterError } from '../errors.js';
import { type Digest, digestOf } from '../hash/digest.js';
import { limits } from '../limits.js';
import { encodeManifest } from './encode-manifest.js';
import { type Manifest, type ManifestFile, manifestBytes } from './manifest.js';
import { assertPathsDistinct, isOwnPath, parseReleasePath, unsafePath } from './release-path.js';
import { isFourParts, isSemver, parseVersion } from './version.js';

const name = Type.String({ pattern: '^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$', maxLength: limits.nameCharactersMax });

const schema = Compile(
  Type.Object(
    {
      format: Type.Literal('remendo-manifest-1'),
      application: name,
      version: Type.String({ minLength: 1, maxLength: limits.versionCharactersMax }),
      displayVersion: Type.Optional(Type.String({ pattern: '^[0-9]+(\\.[0-9]+){3}$', maxLength: limits.versionCharactersMax })),
      platform: name,
      files: Type.Array(
        Type.Object(
          {
            path: Type.String({ minLength: 1, maxLength: limits.pathBytesMax }),
            bytes: Type.Integer({ minimum: 0, maximum: limits.fileBytesMax }),
            mode: Type.Union([Type.Literal(0o644), Type.Literal(0o755)]),
            sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
            xxh64: Type.String({ pattern: '^[0-9a-f]{16}$' }),
          },
          { additionalProperties: false },
        ),
        { maxItems: limits.manifestFilesMax },
      ),
    },
    { additionalProperties: false },
  ),
);

const invalid = (message: string, cause?: unknown): UpdaterError =>
  new UpdaterError('MANIFEST_INVALID', message, cause === undefined ? {} : { cause });

/**
 * Reads a manifest from bytes that may be hostile. The value it returns has safe, distinct, sorted paths, sizes under
 * the limits, and is the only value whose canonical form these bytes are: a manifest has one spelling and one digest.
 * @throws UpdaterError LIMIT_EXCEEDED, MANIFEST_INVALID or MANIFEST_PATH_UNSAFE.
 */
export function parseManifest(bytes: Uint8Array): Manifest {
  if (bytes.length > limits.manifestBytesMax) {
    throw new UpdaterError('LIMIT_EXCEEDED', `a manifest has at most ${limits.manifestBytesMax} bytes`, {
      details: { bytes: bytes.length },
    });
  }
  const value = validateManifest(parseJson(bytes));
  if (Buffer.compare(encodeManifest(value), bytes) !== 0) throw invalid('the manifest is not in canonical form');
  return value;
}

/** `parseManifest`, and the digest must be the expected one. @throws UpdaterError MANIFEST_DIGEST_MISMATCH too. */
export function parseManifestOfDigest(bytes: Uint8Array, digest: Digest): Manifest {
  const actual = digestOf(bytes);
  if (actual !== digest) {
    throw new UpdaterError('MANIFEST_DIGEST_MISMATCH', `the manifest has digest ${actual}`, {
      details: { expected: digest, actual },
    });
  }
  return parseManifest(bytes);
}

/** The rules of a manifest on a value of any origin: shape, names, order, paths, sums. */
export function validateManifest(value: unknown): Manifest {
  if (!schema.Check(value)) {
    const first = schema.Errors(value)[0];
    throw invalid(`the manifest is malformed at ${first?.instancePath || '/'}: ${first?.message ?? 'unknown'}`);
  }
  const manifest = value as unknown as Manifest;
  checkVersion(manifest);
  checkFiles(manifest.files);
  if (manifestBytes(manifest) > limits.releaseBytesMax) {
    throw new UpdaterError('LIMIT_EXCEEDED', `a release has at most ${limits.releaseBytesMax} bytes`);
  }
  return manifest;
}

function checkFiles(files: readonly ManifestFile[]): void {
  const facts = new Map<string, string>();
  files.forEach((file, index) => {
    parseReleasePath(file.path);
    if (isOwnPath(file.path)) throw unsafePath(file.path, 'the updater keeps it itself');
    const before = files[index - 1];
    if (before !== undefined && before.path >= file.path) throw invalid('files are not in the order of their paths');
    const fact = `${file.bytes} ${file.xxh64}`;
    if ((facts.get(file.sha256) ?? fact) !== fact) throw invalid(`content ${file.sha256} has two sizes or two xxHash64`);
    facts.set(file.sha256, fact);
  });
  assertPathsDistinct(files.map((file) => file.path));
}

/** A version shown in four parts is the same version: what people see is what is compared. */
function checkVersion({ version, displayVersion }: Manifest): void {
  if (!isSemver(version)) throw invalid('the version is not semver');
  if (displayVersion === undefined) return;
  const parsed = isFourParts(displayVersion) ? parseVersion(displayVersion) : null;
  if (parsed?.version !== version || parsed.displayVersion !== displayVersion) {
    throw invalid(`version ${version} is not what ${displayVersion} stands for`);
  }
}

/** An object of an array of objects, and in the last as many commas as a file has fields. */
const outlineMax = { depth: 3, commas: limits.manifestFilesMax * 5 + 5 };

function parseJson(bytes: Uint8Array): unknown {
  const outline = jsonOutline(bytes);
  if (outline.depth > outlineMax.depth || outline.commas > outlineMax.commas) {
    throw invalid(
      `the manifest has ${outline.commas} commas at a depth of ${outline.depth}: it is no manifest, or has too many files`,
    );
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (cause) {
    throw invalid('the manifest is not JSON in UTF-8', cause);
  }
}
