/**
 * Fuzz targets of everything that reads formats from outside. Besides "a value or an UpdaterError" each checks what the
 * reader promises about its values.
 */
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { Compile } from 'typebox/compile';
import { bufferSource } from '../bytes/byte-source.js';
import { type Delta, derivationBases, derivationTargets } from '../delta/delta.js';
import { decodeDeltaFile, encodeDeltaFileHead } from '../delta/delta-file.js';
import { decodeDeltaIndex, encodePlainIndex } from '../delta/delta-index.js';
import { indexDelta, resolveDelta } from '../delta/resolve-delta.js';
import { UpdaterError } from '../errors.js';
import { type Digest, digestOf } from '../hash/digest.js';
import { limits } from '../limits.js';
import { encodeManifest, manifestDigest } from '../manifest/encode-manifest.js';
import { parseManifest } from '../manifest/parse-manifest.js';
import { isOwnPath, parseReleasePath, releasePathToFilePath } from '../manifest/release-path.js';
import { encodeVersionText, isSemver, parseVersionText, shownVersion } from '../manifest/version.js';
import { PlanAnswer } from '../protocol/index.js';
import { encodeState, type InstallState, parseState } from '../update/install-state.js';
import { fetchesOfPlan } from '../update/server-api.js';
import { openZip } from '../zip/read-zip.js';
import { sampleContent, sampleFile, sampleManifest } from './arbitrary-manifest.js';
import type { FuzzTarget } from './fuzz.js';
import { buildZip } from './zip-builder.js';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const same = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;

const base = sampleManifest('1.0.0', [
  sampleFile('bin/app.exe', 1, 0o755),
  sampleFile('docs/ação.txt', 2),
  sampleFile('gone.txt', 3),
  sampleFile('lib/a.dll', 4),
]);
const target = sampleManifest('1.0.1', [
  sampleFile('bin/app.exe', 11, 0o755),
  sampleFile('docs/ação.txt', 2),
  sampleFile('docs/more.txt', 12),
  sampleFile('lib/b.dll', 4),
]);

/** A parsed manifest is the one value whose canonical form the bytes are, and its paths are safe. */
export const fuzzManifest: FuzzTarget = {
  name: 'manifest',
  async run(bytes) {
    const manifest = parseManifest(bytes);
    if (!same(encodeManifest(manifest), bytes)) throw new Error('the manifest has two spellings');
    for (const { path } of manifest.files) {
      if (parseReleasePath(path) !== path || isOwnPath(path)) throw new Error(`${path} is not a safe path`);
    }
  },
  seeds: async () => [
    encodeManifest(base),
    encodeManifest(target),
    encodeManifest({ ...base, files: [] }),
    encodeManifest({ ...base, files: base.files.slice(0, 1), version: '1.2.196612', displayVersion: '1.2.3.4' }),
  ],
};

const contentOf = (number: number) => ({ sha256: sampleContent(number).sha256, bytes: sampleContent(number).bytes });
const object = { digest: digestOf('pack'), bytes: 5_000 };
const blob = (offset: number, bytes: number) => ({ object: object.digest, offset, bytes, sha256: digestOf(`${offset}`) });

const sampleDelta: Delta = {
  base,
  target,
  objects: [object],
  derivations: [
    { kind: 'patch', codec: 'bsdiff40', bases: [contentOf(1)], targets: [contentOf(100)], blob: blob(0, 900) },
    { kind: 'patch', codec: 'bsdiff40', bases: [contentOf(100), contentOf(3)], targets: [contentOf(11)], blob: blob(900, 100) },
    { kind: 'whole', encoding: 'brotli', target: contentOf(12), blob: blob(4_000, 1_000) },
  ],
};

/** The input is an index before its compression. A resolved one is sound, and leads to the manifest it names. */
export const fuzzDeltaIndex: FuzzTarget = {
  name: 'delta-index',
  async run(bytes) {
    const index = decodeDeltaIndex(brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 0 } }));
    const resolved = resolveDelta(index, base);
    if (manifestDigest(resolved.target) !== index.targetManifestDigest) throw new Error('the index leads to another target');
    assertSound(resolved);
  },
  seeds: async () => [
    encodePlainIndex(indexDelta(sampleDelta)),
    encodePlainIndex(indexDelta({ base, target: base, objects: [], derivations: [] })),
  ],
};

function assertSound(delta: Delta): void {
  const held = new Set<Digest>(delta.base.files.map((file) => file.sha256));
  const sizes = new Map(delta.objects.map((stored) => [stored.digest, stored.bytes]));
  for (const derivation of delta.derivations) {
    const { object: digest, offset, bytes } = derivation.blob;
    if (offset < 0 || offset + bytes > (sizes.get(digest) ?? -1)) throw new Error('a blob lies outside its object');
    if (!derivationBases(derivation).every((content) => held.has(content.sha256))) throw new Error('a base is made by nothing');
    for (const content of derivationTargets(derivation)) held.add(content.sha256);
  }
  if (!delta.target.files.every((file) => held.has(file.sha256))) throw new Error('a file of the target is made by nothing');
}

/** Head and index of a delta file, and indexes that do not decompress. */
export const fuzzDeltaFile: FuzzTarget = {
  name: 'delta-file',
  async run(bytes) {
    const { bodyOffset, bodyBytes } = await decodeDeltaFile(bufferSource(bytes));
    if (bodyOffset + bodyBytes !== bytes.length) throw new Error('the body is not what is left of the file');
  },
  seeds: async () => {
    const unchanged = encodeDeltaFileHead(indexDelta({ base, target: base, objects: [], derivations: [] }));
    return [Buffer.concat([encodeDeltaFileHead(indexDelta(sampleDelta)), new Uint8Array(object.bytes)]), unchanged];
  },
};

/** Of one entry; a longer one is left there, as callers may. */
const entryBytesMax = 1024 * 1024;

/** Opens a zip and reads what is in it. No entry gives more than it declares, and paths are safe. */
export const fuzzZip: FuzzTarget = {
  name: 'zip',
  async run(bytes) {
    const zip = await openZip(bufferSource(bytes));
    try {
      for (const entry of zip.entries) {
        if (parseReleasePath(entry.path) !== entry.path) throw new Error(`${entry.path} is not a safe path`);
        let made = 0;
        for await (const chunk of entry.read()) {
          made += chunk.length;
          if (made > entry.bytes) throw new Error(`${made} bytes came out, ${entry.bytes} were declared`);
          if (made > entryBytesMax) break;
        }
        if ((await entry.encodedOffset()) + entry.encodedBytes > bytes.length) throw new Error('an entry lies outside the zip');
      }
    } finally {
      zip.close();
    }
  },
  seeds: async () => zipSeeds(),
};

function zipSeeds(): readonly Uint8Array[] {
  const words = 'many words, many words, many words, many words';
  return [
    buildZip([
      { name: 'a.txt', content: words },
      { name: 'd/', method: 0 },
      { name: 'd/b.bin', content: Buffer.alloc(3_000, 7), method: 0 },
    ]),
    buildZip([{ name: 'a', content: words, descriptor: true, zip64: true }], { zip64: true, comment: Buffer.from('comment') }),
    buildZip([{ name: 'big', content: new Uint8Array(2_000_000) }]),
    buildZip([{ name: Uint8Array.of(0x61, 0x87), content: words, extra: Buffer.from([0x75, 0x70, 6, 0, 1, 0, 0, 0, 0, 98]) }]),
    buildZip([]),
  ];
}

/** A version that was read is semver, and is read again from what is written of it. */
export const fuzzVersionText: FuzzTarget = {
  name: 'version-text',
  async run(bytes) {
    const version = parseVersionText(bytes);
    if (version === null) throw new UpdaterError('RELEASE_VERSION_INVALID', 'no version');
    const again = parseVersionText(encodeVersionText(version));
    if (!isSemver(version.version) || again === null || shownVersion(again) !== shownVersion(version)) {
      throw new Error(`${JSON.stringify(version)} is not read again`);
    }
  },
  seeds: async () => [text('1.2.3\n'), text('v1.2.3.4\r\n'), text('\ufeff1.2.3-rc.1+b\n'), Buffer.from('\ufeff1.2.3.4', 'utf16le')],
};

/** The input is UTF-16, so that it may be malformed. An accepted path stays below its root on both kinds of system. */
export const fuzzReleasePath: FuzzTarget = {
  name: 'release-path',
  async run(bytes) {
    const path = parseReleasePath(Buffer.from(bytes).toString('utf16le'));
    if (!releasePathToFilePath('/root', path).startsWith(join('/root', '/'))) throw new Error(`${path} leaves its root`);
    if (/[\\:]|(^|\/)\.{0,2}(\/|$)/.test(path) || Buffer.byteLength(path) > limits.pathBytesMax)
      throw new Error(`${path} is not safe`);
  },
  seeds: async () =>
    ['bin/app.exe', 'docs/ação.txt', '../x', 'a/../b', 'C:/x', 'con.txt', 'a\ud800', '日本/👍.png', 'REMEND~1/x'].map((path) =>
      Buffer.from(path, 'utf16le'),
    ),
};

const sampleState: InstallState = {
  format: 'remendo-state-1',
  application: 'erp',
  platform: 'any',
  version: '1.0.0',
  displayVersion: '1.0.0.0',
  manifestDigest: manifestDigest(base),
  channel: 'stable',
  terminalId: 'terminal-7',
};

/** A state or none, never a failure. */
export const fuzzState: FuzzTarget = {
  name: 'state',
  async run(bytes) {
    const state = parseState(bytes);
    if (state === null) throw new UpdaterError('INSTALL_UNKNOWN', 'no state');
    if (!isSemver(state.version) || parseState(encodeState(state)) === null) throw new Error('the state is not read again');
  },
  seeds: async () => [encodeState(sampleState), encodeState({ ...sampleState, displayVersion: '1.0.0.0' })],
};

const planAnswer = Compile(PlanAnswer);

/** The plans a server offers: fetches of an accepted one are ranges of their objects, in order. */
export const fuzzPlanAnswer: FuzzTarget = {
  name: 'plan-answer',
  async run(bytes) {
    const answer = parseJson(bytes);
    if (!planAnswer.Check(answer)) throw new UpdaterError('PLAN_INVALID', 'the answer is malformed');
    for (const { ranges, objectBytes } of answer.plans.flatMap(fetchesOfPlan)) {
      let end = 0;
      for (const range of ranges) {
        if (range.offset < end || range.bytes <= 0 || range.offset + range.bytes > objectBytes)
          throw new Error('a range is not one');
        end = range.offset + range.bytes;
      }
    }
  },
  seeds: async () => [planAnswerSeed()],
};

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new UpdaterError('PLAN_INVALID', 'the answer is not JSON', { cause });
  }
}

function planAnswerSeed(): Uint8Array {
  const stored = (name: string, bytes: number) => ({ digest: digestOf(name), bytes });
  const plan = { label: 'contents', fetch_bytes: 900, requests: 2, cost_bytes: 2_100 };
  const fetches = [
    {
      digest: digestOf('pack'),
      object_bytes: 5_000,
      ranges: [
        [0, 500],
        [1_200, 400],
      ],
    },
  ];
  const answer = {
    application: 'erp',
    platform: 'any',
    base: { version: base.version, manifest_digest: manifestDigest(base) },
    target: {
      version: target.version,
      manifest_digest: manifestDigest(target),
      manifest: stored('manifest', 400),
      zip: stored('zip', 90_000),
      installed_bytes: 200_000,
    },
    plans: [
      { kind: 'delta', ...plan, fetches, index: stored('index', 300) },
      { kind: 'zip', ...plan, fetches: [{ digest: digestOf('zip'), object_bytes: 90_000, ranges: [[0, 90_000]] }] },
    ],
    losers: [{ label: 'chain', cost_bytes: null, reason: 'does not reach the target' }],
  };
  return text(JSON.stringify(answer));
}
