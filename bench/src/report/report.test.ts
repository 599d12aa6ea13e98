import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lacksBsdiff } from '@remendo/core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { measurePair, type PairReport } from './measure-pair.js';
import { defaultCodec } from './our-makers.js';
import { parsePeers, peerNames, peers } from './peers.js';
import { geometricMeanRatio, reportLines } from './print-report.js';

const fixtures = dirname(fileURLToPath(import.meta.resolve('@remendo/fixtures/package.json')));
const installed = peerNames.filter((name) => peers[name].missing() === null);

let folder: string;
let report: PairReport;

async function release(name: string, program: string, files: Readonly<Record<string, string>>): Promise<string> {
  for (const file of ['index.cjs', 'plugins/html.js', 'README.md']) {
    await mkdir(dirname(join(folder, name, file)), { recursive: true });
    await copyFile(join(fixtures, 'node_modules', program, file), join(folder, name, file));
  }
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, name, file), text);
  return join(folder, name);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remendo-report-test-'));
  const words = Array.from({ length: 400 }, (_, index) => `line ${index * 7919}`).join('\n');
  report = await measurePair({
    id: 'prettier',
    kind: 'a few files of a real program',
    base: await release('base', 'prettier-1', { 'moved-1.2.txt': words, 'gone.txt': 'gone', empty: '' }),
    target: await release('target', 'prettier-2', { 'moved-1.3.txt': `${words}\nand one more`, 'new.txt': 'new', empty: '' }),
    published: [{ tool: 'a tool of others', bytes: 1 }],
    codec: defaultCodec,
    peers: installed,
    runs: 1,
  });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the report', () => {
  it('makes, applies and compares a delta that is a fraction of the target', () => {
    expect(report.ours.exact).toBe(true);
    expect(report.ours.bytes).toBeGreaterThan(0);
    expect(report.ours.bytes).toBeLessThan(report.targetBytes / 10);
  });

  it('tells what every byte of the delta is for, and which files cost the most', () => {
    const { causes, files, ours } = report;
    expect(Object.values(causes).reduce((sum, bytes) => sum + bytes, 0)).toBe(ours.bytes);
    expect(causes.unread).toBe(0);
    expect(files.map(({ storedBytes }) => storedBytes)).toEqual(files.map(({ storedBytes }) => storedBytes).sort((a, b) => b - a));
    const stored = files.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
    expect(stored).toBe(ours.bytes - causes.index - causes.manifestDifference);
  });

  it('measures every peer that is on this machine, each exactly', () => {
    expect(report.peers.map(({ tool, exact }) => [tool, exact])).toEqual(installed.map((name) => [name, true]));
    if (!lacksBsdiff) expect(installed).toContain('bsdiff-node');
    for (const { bytes } of report.peers) expect(bytes).toBeGreaterThan(0);
  });

  it('tells time and memory of making and applying, and holds the sizes against the best peer, published ones too', () => {
    for (const { make, apply } of [report.ours, ...report.peers])
      for (const { wallSeconds, peakBytes } of [make, apply])
        expect([wallSeconds > 0, peakBytes > 0 || process.platform !== 'linux']).toEqual([true, true]);
    expect(report.best).toEqual({ tool: 'a tool of others', bytes: 1 });
    expect(geometricMeanRatio([report, report])).toBeCloseTo(report.ours.bytes);
  });

  it('prints a row for each pair, and says what could not be measured and what came out wrong', () => {
    const wrong = { ...report, id: 'second', ours: { ...report.ours, exact: false } };
    const text = reportLines({
      node: '20.0.0',
      platform: 'any',
      bareNodeBytes: 1,
      missing: { zstd: 'not installed' },
      pairs: [report, wrong],
      geometricMeanRatio: null,
    }).join('\n');
    expect(text).toMatch(/^prettier .* a tool of others /m);
    expect(text).toMatch(/^bytes of ours +wrong and new +block lists .*index +manifest$/m);
    expect(text).toMatch(/^prettier \S+ +[\d.]+ +[\d,]+ +remendo\S*$/m);
    expect(text).toContain('zstd: not installed');
    expect(text).toContain(`second: ${defaultCodec} did not make the target`);
  });

  it('knows its peers by name only', () => {
    expect(parsePeers('zstd,bsdiff-node')).toEqual(['zstd', 'bsdiff-node']);
    expect(() => parsePeers('zstd,rsync')).toThrow('there is no peer rsync');
  });
});
