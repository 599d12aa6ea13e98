/**
 * Fuzz targets of signed metadata: what a hijacked server sends without keys, and what one sends that has stolen some. What is
 * refused must leave a terminal able to go on.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalize } from '@tufjs/canonical-json';
import fc from 'fast-check';
import { isUpdaterError, UpdaterError } from '../../errors.js';
import { digestOf } from '../../hash/digest.js';
import {
  type BuildToSign,
  delegateApplication,
  encodeMetadata,
  newRepository,
  nextOnline,
  type OfflineMetadata,
  type OnlineMetadata,
  type SignedRole,
  type SigningKey,
  signBuilds,
} from '../../publish/index.js';
import { mapMetadataSource } from '../../trust/metadata-source.js';
import { type MetadataOfKind, parseMetadata } from '../../trust/parse-metadata.js';
import { SignedTrust } from '../../trust/signed-trust.js';
import { MemoryFileSystem } from '../memory-file-system.js';
import type { FuzzTarget } from './fuzz-target.js';
import { fuzzKey } from './fuzz-trust-files.js';
import { type Json, jsonBytes, variedJson } from './vary-json.js';

const nowMs = Date.UTC(2026, 10, 22);

const buildOf = (version: string): BuildToSign => ({
  application: 'erp',
  platform: 'any',
  version,
  manifest: { digest: digestOf(`manifest ${version}`), bytes: 5_000 },
  zip: { digest: digestOf(`zip ${version}`), bytes: 100_000 },
});
const claimOf = (version: string) => {
  const { manifest, zip, ...name } = buildOf(version);
  return { ...name, manifestDigest: manifest.digest, zip };
};

type ServedFiles = ReadonlyMap<string, Uint8Array>;

interface SampleRepository {
  /** By name: all that terminals may fetch. */
  readonly files: ServedFiles;
  readonly names: readonly string[];
  readonly keys: { readonly root: SigningKey; readonly targets: SigningKey; readonly online: SigningKey };
}

function makeRepository(): SampleRepository {
  const keys = { root: fuzzKey(1), targets: fuzzKey(2), online: fuzzKey(3) };
  const by = { keys: [keys.targets], nowMs };
  const to = { keys: [keys.targets.publicKey], threshold: 1 };
  const empty = newRepository({ ...keys, root: [keys.root], rootThreshold: 1, targets: [keys.targets] }, nowMs);
  const delegated = withRoles(empty, delegateApplication(empty, { application: 'erp', to }, by));
  const signed = withRoles(delegated, signBuilds(delegated, [buildOf('1.0.0')], by));
  const online = nextOnline(null, signed, { key: keys.online, nowMs });
  const files = filesOf(signed, online);
  return { files, names: [...files.keys(), '2.root.json'], keys };
}

function withRoles({ root, targets, roles }: OfflineMetadata, signed: readonly SignedRole[]): OfflineMetadata {
  const top = signed.find(({ role }) => role === 'targets')?.metadata as OfflineMetadata['targets'] | undefined;
  const others = signed.filter(({ role }) => role !== 'targets');
  const added = others.map(({ role, metadata }) => [role, metadata as OfflineMetadata['targets']] as const);
  return { root, targets: top ?? targets, roles: new Map([...roles, ...added]) };
}

function filesOf({ root, targets, roles }: OfflineMetadata, { snapshot, timestamp }: OnlineMetadata): ServedFiles {
  const all = [['root', root], ['targets', targets], ...roles, ['snapshot', snapshot]] as const;
  const versioned = all.map(([role, metadata]) => [`${metadata.signed.version}.${role}.json`, encodeMetadata(metadata)] as const);
  return new Map([...versioned, ['timestamp.json', encodeMetadata(timestamp)]]);
}

let made: SampleRepository | null = null;
/** Made when it is wanted first: whoever imports this file need not fuzz. */
const repository = (): SampleRepository => {
  made ??= makeRepository();
  return made;
};

const kinds: readonly (keyof MetadataOfKind)[] = ['root', 'targets', 'snapshot', 'timestamp'];

/** Metadata as it arrives: what one kind is read as can be written again. */
export const fuzzMetadata: FuzzTarget = {
  name: 'metadata',
  async run(bytes) {
    const errors = kinds.map((kind) => {
      try {
        encodeMetadata(parseMetadata(kind, bytes));
        return null;
      } catch (error) {
        if (!isUpdaterError(error)) throw error;
        return error;
      }
    });
    const [first] = errors;
    if (first !== undefined && !errors.includes(null)) throw first;
  },
  seeds: async () => [...repository().files.values()],
  made: () =>
    fc
      .constantFrom(...repository().files.values())
      .chain((bytes) => jsonBytes(variedJson(JSON.parse(Buffer.from(bytes).toString()) as Json))),
};

/** Beside the number of a file: what is sent instead of it is signed by those who may. */
const signedFlag = 0x80;

/**
 * The input is the number of a file, and what a server sends instead of it. With the flag it is the signed part alone, and
 * is signed by the keys of its role: whoever stole them sends that. Whoever has none leaves a terminal that believes the
 * honest server again.
 */
export const fuzzSignedTrust: FuzzTarget = {
  name: 'signed-trust',
  async run(bytes) {
    const fileSystem = new MemoryFileSystem();
    const flags = bytes[0] ?? 0;
    const name = repository().names[(flags & ~signedFlag) % repository().names.length] ?? '';
    const isSigned = (flags & signedFlag) !== 0;
    const sent = isSigned ? signedAs(name, bytes.subarray(1)) : bytes.subarray(1);
    const hostile = trustOf(fileSystem, new Map([...repository().files, [name, sent]]));
    const outcome = await codeOf(hostile.verifyRelease(claimOf('1.0.0')));
    if (!isSigned) {
      if ((await codeOf(hostile.verifyRelease(claimOf('6.6.6')))) === null) throw new Error('what nobody signed is believed');
      const honest = await codeOf(trustOf(fileSystem, repository().files).verifyRelease(claimOf('1.0.0')));
      if (honest !== null) throw new Error(`after that the honest server is refused: ${honest}`);
    }
    if (outcome !== null) throw new UpdaterError('TRUST_INVALID', outcome);
  },
  seeds: async () => parts().map(([flags, part]) => Buffer.concat([Buffer.of(flags), Buffer.from(canonicalize(part))])),
  made: () =>
    fc
      .constantFrom(...parts())
      .chain(([flags, part]) => jsonBytes(variedJson(part)).map((json) => Buffer.concat([Buffer.of(flags), json]))),
};

/** What may be sent instead of each file: whole, and to be signed; and a root that comes after the first. */
function parts(): readonly (readonly [flags: number, part: Json])[] {
  const { files, names } = repository();
  const wholes = [...files.values()].map((bytes) => JSON.parse(Buffer.from(bytes).toString()) as Json & { readonly signed: Json });
  const nextRoot = { ...(wholes[0]?.signed as object), version: 2 };
  return [
    ...wholes.entries(),
    ...wholes.map(({ signed }, number) => [number | signedFlag, signed] as const),
    [(names.length - 1) | signedFlag, nextRoot],
  ];
}

/** Shared by all that fuzz, but not with other users of this machine, who could not write into it. */
const scratchFolder = join(tmpdir(), `remendo-fuzz-trust-${process.getuid?.() ?? ''}`);

function trustOf(fileSystem: MemoryFileSystem, files: ReadonlyMap<string, Uint8Array>): SignedTrust {
  const root = repository().files.get('1.root.json') ?? new Uint8Array();
  const clock = { now: () => nowMs, sleep: async () => {} };
  return new SignedTrust({ fileSystem, clock, source: mapMetadataSource(files), folder: '/install/trust', scratchFolder, root });
}

/** What is no JSON is not signed. */
function signedAs(name: string, part: Uint8Array): Uint8Array {
  const { keys } = repository();
  const key = /root/.test(name) ? keys.root : /snapshot|timestamp/.test(name) ? keys.online : keys.targets;
  try {
    const signed: unknown = JSON.parse(Buffer.from(part).toString());
    const { keyID: keyid, sig } = key.sign(Buffer.from(canonicalize(signed)));
    return Buffer.from(JSON.stringify({ signatures: [{ keyid, sig }], signed }));
  } catch {
    return part;
  }
}

/** @returns its code; null when it did not fail. */
async function codeOf(done: Promise<unknown>): Promise<string | null> {
  try {
    await done;
    return null;
  } catch (error) {
    if (isUpdaterError(error)) return error.code;
    throw error;
  }
}
