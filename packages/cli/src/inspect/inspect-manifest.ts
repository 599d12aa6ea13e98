import {
  type FileHandle,
  limits,
  type Manifest,
  manifestBytes,
  manifestDigest,
  parseManifest,
  shownVersion,
  UpdaterError,
} from '@remendo/core';
import { printable } from '../output/printable.js';
import { bytesText, countText } from '../output/quantity.js';
import { cutTable, headedPairs, type Inspection } from './inspection.js';

/** @throws UpdaterError MANIFEST_… or LIMIT_EXCEEDED */
export async function inspectManifest(source: FileHandle): Promise<Inspection> {
  if (source.bytes > limits.manifestBytesMax) {
    throw new UpdaterError('LIMIT_EXCEEDED', `a manifest has at most ${limits.manifestBytesMax} bytes`, {
      details: { bytes: source.bytes },
    });
  }
  const bytes = new Uint8Array(source.bytes);
  const count = await source.read(0, bytes);
  const manifest = parseManifest(bytes.subarray(0, count));
  const digest = manifestDigest(manifest);
  return {
    format: 'manifest',
    document: { digest, installedBytes: manifestBytes(manifest), manifest },
    lines: (colors, rowsMax) => [
      ...headedPairs(colors, 'manifest', manifestPairs(manifest, digest)),
      ...fileRows(manifest, rowsMax),
    ],
  };
}

const manifestPairs = (manifest: Manifest, digest: string): readonly (readonly [string, string])[] => [
  ['release', printable(`${manifest.application} ${shownVersion(manifest)} (${manifest.platform})`)],
  ['digest', digest],
  ['contents', `${countText(manifest.files.length, 'file')}, ${bytesText(manifestBytes(manifest))}`],
];

const fileRows = (manifest: Manifest, rowsMax: number): readonly string[] =>
  cutTable(
    [{ title: 'mode' }, { title: 'size', align: 'right' }, { title: 'sha-256' }, { title: 'path' }],
    manifest.files.map((file) => [file.mode.toString(8), bytesText(file.bytes), file.sha256.slice(0, 16), printable(file.path)]),
    rowsMax,
  );
