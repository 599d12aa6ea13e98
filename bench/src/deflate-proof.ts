/**
 * How well deflate streams of other programs are made again: for each compressor on this machine, which of its streams the
 * model makes exactly, which with corrections and how large these are, and which not at all.
 *
 *     node bench/dist/deflate-proof.js [file …]
 *
 * Takes samples of many kinds, this Node's own program among them, and the files that are named. Every stream that counts
 * as made was made, byte for byte. Prints a table; compressors that are not installed are named below it.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { type ReproducedStream, reproduce } from '@remendo/core/publish';
import { deflateSamples } from '@remendo/core/testing';
import { type DeflateProducer, deflateProducers, producersNotTried } from './deflate-producers.js';
import { tableLines } from './report/print-report.js';

export interface ProducerReport {
  readonly name: string;
  readonly streams: number;
  readonly exact: number;
  readonly corrected: number;
  /** Of the streams with corrections: their bytes, and those of the corrections, compressed by brotli. */
  readonly correctedBytes: number;
  readonly correctionsBytes: number;
}

const isMissing = (error: unknown): boolean => (error as { readonly code?: unknown }).code === 'ENOENT';

/** @returns null when the producer is not on this machine. */
export function reportProducer(producer: DeflateProducer, plains: readonly Uint8Array[], folder: string): ProducerReport | null {
  const report = { name: producer.name, streams: 0, exact: 0, corrected: 0, correctedBytes: 0, correctionsBytes: 0 };
  const path = join(folder, 'plain');
  let hint: ReproducedStream['parameters'] | undefined;
  for (const plain of plains) {
    writeFileSync(path, plain);
    try {
      const compressed = producer.make(path);
      if (compressed === null) continue;
      report.streams += 1;
      const found = reproduce({ plain, compressed, ...(hint === undefined ? {} : { hint }) });
      hint = found?.parameters;
      if (found === null) continue;
      if (found.corrections === null) report.exact += 1;
      else {
        report.corrected += 1;
        report.correctedBytes += compressed.length;
        report.correctionsBytes += brotliCompressSync(found.corrections).length;
      }
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }
  return report;
}

function plainBytes(paths: readonly string[]): readonly Uint8Array[] {
  const program = readFileSync(process.execPath);
  const source = readFileSync(fileURLToPath(import.meta.url));
  const samples = deflateSamples().map(({ plain }) => plain);
  return [
    ...samples,
    source,
    program.subarray(0, 20_000),
    program.subarray(program.length >> 1).subarray(0, 3_000_000),
    ...paths.map((path) => readFileSync(path)),
  ];
}

function lines(reports: readonly ProducerReport[]): readonly string[] {
  const share = (part: number, whole: number): string => (whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1)} %`);
  return tableLines([
    ['producer', 'streams', 'exact', 'corrected', 'corrections', 'not made'],
    ...reports.map(({ name, streams, exact, corrected, correctedBytes, correctionsBytes }) => [
      name,
      `${streams}`,
      `${exact}`,
      `${corrected}`,
      share(correctionsBytes, correctedBytes),
      `${streams - exact - corrected}`,
    ]),
  ]);
}

function main(paths: readonly string[]): void {
  const folder = mkdtempSync(join(tmpdir(), 'remendo-deflate-'));
  try {
    const plains = plainBytes(paths);
    const reports = deflateProducers.map((producer) => ({ producer, report: reportProducer(producer, plains, folder) }));
    const present = reports.flatMap(({ report }) => (report === null ? [] : [report]));
    const missing = reports.filter(({ report }) => report === null).map(({ producer }) => producer.name);
    for (const line of lines(present)) process.stdout.write(`${line}\n`);
    process.stdout.write('\nCorrections are in percent of the streams that need them, compressed by brotli.\n');
    if (missing.length > 0) process.stdout.write(`Not installed: ${missing.join(', ')}.\n`);
    process.stdout.write(`Not tried: ${producersNotTried.join(', ')}.\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
