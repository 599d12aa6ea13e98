/**
 * Fuzz targets of what a server answers: bodies of each kind through the terminal's own client, and what surrounds them.
 * Whatever a server sends, a terminal gets values within the limits or an error of its own.
 */
import fc from 'fast-check';
import { parseAnswerWindow } from '../../download/answer-window.js';
import { createHttpClient } from '../../download/http-client.js';
import { digestOf } from '../../hash/digest.js';
import { manifestDigest } from '../../manifest/encode-manifest.js';
import { isSemver } from '../../manifest/version.js';
import { createServerApi, fetchesOfPlan, type ServerApi } from '../../update/server-api.js';
import { manualClock } from '../manual-clock.js';
import { fuzzReleases } from './fuzz-manifest.js';
import type { FuzzTarget } from './fuzz-target.js';
import { type Json, jsonBytes, variedJson } from './vary-json.js';

const { base, target } = fuzzReleases;
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** A client of a server that answers every request alike. */
const clientOf = (answer: () => Response) =>
  createHttpClient({
    serverUrl: 'https://updates.example.com/',
    // Longer than a server may have a terminal wait: those waits pass at once, time-outs never.
    clock: manualClock(200_000),
    timeouts: { stallMs: 300_000 },
    random: { fraction: () => 0.5, id: () => 'id' },
    retries: { retriesMax: 1 },
    fetch: async () => answer(),
  });

const asked = { application: 'erp', platform: 'any', terminalId: 'terminal-7' };

function apiOf(body: Uint8Array): ServerApi {
  const http = clientOf(() => new Response(new Uint8Array(body), { headers: { 'content-type': 'application/json' } }));
  return createServerApi(http, { channel: 'stable', codecs: ['bsdiff40', 'remendo'], asking: async () => asked });
}

const answers = (name: string, seed: Json, ask: (api: ServerApi) => Promise<void>): FuzzTarget => ({
  name,
  run: (bytes) => ask(apiOf(bytes)),
  seeds: async () => [text(JSON.stringify(seed))],
  made: () => jsonBytes(variedJson(seed)),
});

const stored = (name: string, bytes: number) => ({ digest: digestOf(name) as string, bytes });

export function samplePlans() {
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
  return {
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
}

/** The plans a server offers: fetches of an accepted one are ranges of their objects, in order. */
export const fuzzPlanAnswer = answers('plan-answer', samplePlans() as Json, async (api) => {
  const { plans } = await api.plan({ base: base.version, baseManifest: manifestDigest(base), target: target.version });
  for (const { ranges, objectBytes } of plans.flatMap(fetchesOfPlan)) {
    let end = 0;
    for (const range of ranges) {
      if (range.offset < end || range.bytes <= 0 || range.offset + range.bytes > objectBytes) throw new Error('a range is not one');
      end = range.offset + range.bytes;
    }
  }
});

const sampleCheck = {
  update_available: true,
  application: 'erp',
  platform: 'any',
  current_version: '1.0.0',
  latest_version: '1.0.1',
  display_version: '1.0.1',
  type: 'stable',
  download_url: 'https://updates.example.com/x.zip',
  checksum: `sha256:${digestOf('zip')}`,
  size_bytes: 90_000,
  patch_bytes: null,
  changelog: 'Fixes.',
  mandatory: false,
  requirements: { database: '>=12' },
  rollout: { share: 5_000, state: 'running' },
  reason: 'rollout',
};

/** An update that is offered has a version. */
export const fuzzCheckAnswer = answers('check-answer', sampleCheck, async (api) => {
  const answer = await api.check({ version: '1.0.0' });
  if (answer.update_available && !isSemver(answer.latest_version ?? '')) throw new Error('an update to nothing');
});

const sampleContents = {
  contents: [1, 2].map((index) => ({
    sha256: digestOf(`content ${index}`) as string,
    bytes: 3_000,
    encoding: 'brotli',
    object: digestOf('zip') as string,
    object_bytes: 90_000,
    offset: index * 1_000,
    encoded_bytes: 900,
    encoded_sha256: digestOf(`encoded ${index}`) as string,
  })),
};

/** Numbers of contents that are let through are lengths and places. */
export const fuzzContentsAnswer = answers('contents-answer', sampleContents, async (api) => {
  for (const { blob, target: content, objectBytes } of await api.contents('1.0.1', [digestOf('content 1')])) {
    const numbers = [blob.offset, blob.bytes, content.bytes, objectBytes];
    if (!numbers.every((number) => Number.isSafeInteger(number) && number >= 0)) throw new Error('a number is none');
  }
});

const sampleCandidates = {
  application: 'erp',
  platform: 'any',
  candidates: [
    { version: '1.0.0', manifest_digest: manifestDigest(base) as string, manifest: stored('manifest', 400), matched: 3, files: 4 },
  ],
};

export const fuzzIdentifyAnswer = answers('identify-answer', sampleCandidates, async (api) => {
  const { candidates } = await api.identify([{ path: 'bin/app.exe', sha256: digestOf('content 1') }]);
  if (candidates.some(({ matched }) => matched < 0)) throw new Error('fewer than no files match');
});

const statuses = [200, 204, 206, 301, 302, 303, 307, 308, 400, 401, 403, 404, 408, 409, 410, 416, 425, 429, 500, 502, 503, 504];

/** A header may hold no other characters: what has them does not come this far. */
const headerText = (line: string): string => line.replace(/[^\t\x20-\x7e\x80-\xff]/g, '').trim();

/** The input is a status, a line each for redirect, Retry-After, Content-Type and the body's encoding, and the body. */
export const fuzzHttpAnswer: FuzzTarget = {
  name: 'http-answer',
  async run(bytes) {
    const [location = '', after = '', type = '', ...body] = Buffer.from(bytes.subarray(1)).toString('latin1').split('\n');
    const status = statuses[(bytes[0] ?? 0) % statuses.length] ?? 200;
    const headers = { location: headerText(location), 'retry-after': headerText(after), 'content-type': headerText(type) };
    const http = clientOf(() => new Response(status === 204 ? null : Buffer.from(body.join('\n'), 'latin1'), { status, headers }));
    await http.json('api/v1/any', { validate: (answer) => answer });
  },
  seeds: async () =>
    [
      '\0\n\napplication/json\n{"a":1}',
      '\x04https://objects.example.org/x?y#z\n\n\n',
      '\x04../../y\n1\n\n',
      '\x11\n120\napplication/problem+json\n{"code":"ACCOUNT_BLOCKED","detail":"no\\u202e","status":429}',
      '\x14\nWed, 21 Oct 2026 07:28:00 GMT\n\n{"code":"RELEASE_UNKNOWN","detail":"none"}',
    ].map((seed) => new Uint8Array(Buffer.from(seed, 'latin1'))),
};

const askedRange = { digest: digestOf('pack'), objectBytes: 5_000, offset: 1_000, bytes: 500 };

/** The input is a status and a line each for Content-Range, Content-Length, ETag and Content-Encoding. */
export const fuzzAnswerWindow: FuzzTarget = {
  name: 'answer-window',
  async run(bytes) {
    const lines = Buffer.from(bytes.subarray(1)).toString('latin1').split('\n');
    const names = ['content-range', 'content-length', 'etag', 'content-encoding'];
    const told = names.flatMap((name, index) => (lines[index] ? [[name, headerText(lines[index])] as [string, string]] : []));
    const answer = {
      status: (bytes[0] ?? 0) % 2 === 0 ? 206 : 200,
      headers: new Headers(told),
      ownOrigin: true,
      body: nothing(),
      discard: () => {},
    };
    const { start, end } = parseAnswerWindow(answer, askedRange);
    const isWhole = start === 0 && end === askedRange.objectBytes;
    if (!isWhole && (start !== askedRange.offset || end <= start || end > start + askedRange.bytes))
      throw new Error('another window');
  },
  seeds: async () =>
    ['\0bytes 1000-1499/5000\n500', `\0bytes 1000-1200/*\n201\n"${askedRange.digest}"`, '\x01\n5000\nW/"x"\ngzip'].map(text),
  made: () => rangeHeaders.map((header) => text(`\0${header}`)),
};

async function* nothing(): AsyncGenerator<Uint8Array> {}

const rangeHeaders = fc
  .tuple(
    fc.constantFrom('bytes ', 'bytes=', 'BYTES ', ''),
    fc.constantFrom('1000', '01000', '-1', '999', '9999999999999999', '1e3', ' 1000'),
    fc.constantFrom('1499', '1500', '999', '1000', '4999', '9007199254740993', ''),
    fc.constantFrom('/5000', '/*', '/4999', '/05000', '', '/5000 '),
  )
  .map(([unit, first, last, all]) => `${unit}${first}-${last}${all}`);
