/** What a hijacked server could answer to a terminal. */
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { limits } from '../../limits.js';
import type { PlanAnswer } from '../../protocol/index.js';
import { brotliBomb, gzipBomb, nestedArrays } from './bombs.js';
import { bomb, type HostileAnswer, type HostileFixture, hostile } from './hostile-fixture.js';

type Code = HostileFixture['code'];
type Fields = Record<string, unknown>;

const json = (value: unknown): HostileAnswer => ({ body: Buffer.from(JSON.stringify(value)) });

const check = (name: string, attack: string, code: Code, make: (honest: Fields) => HostileAnswer): HostileFixture =>
  hostile(`check-${name}`, attack, code, () => ({ kind: 'answer', to: 'check', answer: make }));

const checkFields = (name: string, attack: string, changed: Fields): HostileFixture =>
  check(name, attack, 'DOWNLOAD_FAILED', (honest) => json({ ...honest, ...changed }));

const plan = (name: string, attack: string, code: Code, change: (honest: PlanAnswer) => unknown): HostileFixture =>
  hostile(`plan-${name}`, attack, code, () => ({
    kind: 'answer',
    to: 'plan',
    answer: (honest) => json(change(honest as unknown as PlanAnswer)),
  }));

/** The first plan, changed, and no other. */
const firstPlan =
  (changed: Fields) =>
  (honest: PlanAnswer): unknown => ({ ...honest, plans: honest.plans.slice(0, 1).map((one) => ({ ...one, ...changed })) });

const ranges =
  (...of: readonly (readonly [number, number])[]) =>
  (honest: PlanAnswer): unknown =>
    firstPlan({ fetches: honest.plans[0]?.fetches.map((fetch) => ({ ...fetch, ranges: of })) })(honest);

const target =
  (changed: Fields) =>
  (honest: PlanAnswer): unknown => ({ ...honest, target: { ...honest.target, ...changed } });

/** A body in an encoding that a client undoes by itself. */
const encodedBomb = (name: string, attack: string, encoding: string, body: () => Uint8Array): HostileFixture =>
  bomb(`check-${name}`, attack, 'LIMIT_EXCEEDED', () => {
    const made = body();
    return { kind: 'answer', to: 'check', answer: () => ({ headers: { 'content-encoding': encoding }, body: made }) };
  });

const problem = (name: string, attack: string, code: Code, status: number, fields: Fields): HostileFixture =>
  check(name, attack, code, () => ({
    ...json({ type: 'about:blank', title: 'x', status, ...fields }),
    status,
    headers: { 'content-type': 'application/problem+json' },
  }));

const escapes = '\u001b[2J\u001b]0;evil\u0007\r\nINFO update completed \u009b31m \u202e \u2028';

export const answerFixtures: readonly HostileFixture[] = [
  check('empty', 'no bytes', 'DOWNLOAD_FAILED', () => ({ body: new Uint8Array() })),
  check('page', 'a page of a hotspot', 'DOWNLOAD_FAILED', () => ({ body: Buffer.from('<!doctype html><title>Sign in</title>') })),
  check('bytes', 'bytes that are no text', 'DOWNLOAD_FAILED', () => ({ body: Buffer.alloc(900, 0xff) })),
  check('depth-bomb', 'half a million arrays in each other', 'DOWNLOAD_FAILED', () => ({ body: nestedArrays(500_000) })),
  check('number-bomb', 'a number of a million digits', 'DOWNLOAD_FAILED', () => ({
    body: Buffer.from(`{"update_available":${'9'.repeat(1_000_000)}}`),
  })),
  check('too-long', 'a byte more than is read', 'LIMIT_EXCEEDED', () => ({ body: Buffer.alloc(limits.answerBytesMax + 1, 0x20) })),
  checkFields('without-version', 'an update without a version', { latest_version: null }),
  checkFields('version-path', 'a version that is a path', { latest_version: '../../evil' }),
  checkFields('version-lines', 'a version that is a line of a log', { latest_version: '1.0.1\nINFO ok' }),
  checkFields('version-escape', 'a version that clears the screen', { latest_version: '1.0.1\u001b[2J' }),
  checkFields('version-bomb', 'a version of a hundred thousand digits', { latest_version: `${'9'.repeat(100_000)}.0.0` }),
  checkFields('available-as-text', 'a text where a truth value should be', { update_available: 'yes' }),
  checkFields('application-path', 'an application that is a path', { application: '../../etc' }),
  checkFields('prototype', 'answers in the prototype', { latest_version: undefined, ['__proto__']: { latest_version: '9.9.9' } }),
  encodedBomb('gzip-bomb', 'a mebibyte of gzip that becomes a gibibyte', 'gzip', () => gzipBomb(1_024)),
  encodedBomb('brotli-bomb', 'some hundred bytes that become 128 MiB', 'br', () => brotliBomb(128)),
  encodedBomb('encodings-in-encodings', 'bombs in bombs: five encodings around each other', 'br, gzip, deflate, br, gzip', () =>
    gzipSync(brotliCompressSync(deflateSync(gzipSync(brotliBomb(128))))),
  ),
  problem('problem-lines', 'an error whose text writes lines of its own and clears the screen', 'AUTH_FORBIDDEN', 403, {
    code: 'AUTH_FORBIDDEN',
    detail: escapes,
    title: escapes,
  }),
  problem('problem-code', 'an error whose code is no code', 'DOWNLOAD_REFUSED', 403, {
    code: `__proto__${escapes}`,
    detail: escapes,
  }),
  problem('problem-bomb', 'an error of 8 MiB', 'DOWNLOAD_REFUSED', 403, {
    code: 'AUTH_FORBIDDEN',
    detail: 'x'.repeat(8 * 1024 * 1024),
  }),

  plan('too-long', 'a plan of a mebibyte', 'LIMIT_EXCEEDED', (honest) => ({ ...honest, padding: 'x'.repeat(1_000_000) })),
  plan('other-application', 'a release of another application', 'PLAN_INVALID', (honest) => ({ ...honest, application: 'other' })),
  plan('other-platform', 'a release for another platform', 'PLAN_INVALID', (honest) => ({ ...honest, platform: 'other' })),
  plan('other-version', 'another version than was asked for', 'PLAN_INVALID', target({ version: '1.0.9' })),
  plan('version-escape', 'a version that clears the screen', 'PLAN_INVALID', target({ version: '1.0.1\u001b[2J' })),
  plan('digest-path', 'a digest that is a path', 'DOWNLOAD_FAILED', target({ manifest_digest: '../../../../etc/passwd' })),
  plan('object-path', 'an object that is a path', 'DOWNLOAD_FAILED', (honest) =>
    firstPlan({ fetches: [{ digest: '../../../../etc/passwd', object_bytes: 5, ranges: [[0, 5]] }] })(honest),
  ),
  plan('range-outside', 'a range behind its object', 'PLAN_INVALID', ranges([0, 10_000_000])),
  plan('range-overflow', 'a range whose end is beyond all numbers', 'PLAN_INVALID', ranges([2 ** 53 - 1, 2 ** 53 - 1])),
  plan('range-negative', 'a range before its object', 'DOWNLOAD_FAILED', ranges([-1, 5])),
  plan('range-empty', 'a range of no bytes', 'PLAN_INVALID', ranges([0, 0])),
  plan('ranges-overlap', 'ranges on the same bytes: disk without end', 'PLAN_INVALID', ranges([0, 50], [10, 50])),
  plan('ranges-unordered', 'ranges out of order', 'PLAN_INVALID', ranges([60, 10], [0, 10])),
  plan(
    'ranges-without-number',
    'five thousand ranges',
    'LIMIT_EXCEEDED',
    ranges(...Array.from({ length: 5_000 }, (_, index) => [index, 1] as const)),
  ),
  plan('huge-number', 'a size beyond all numbers', 'DOWNLOAD_FAILED', firstPlan({ fetch_bytes: 1e300 })),
  plan('huge-manifest', 'a manifest of 128 MiB, which is to be held in memory', 'LIMIT_EXCEEDED', (honest) => ({
    ...honest,
    target: { ...honest.target, manifest: { ...honest.target.manifest, bytes: limits.manifestBytesMax * 2 } },
    plans: [],
  })),
  plan('huge-zip', 'a zip of 2^50 bytes: disk without end', 'STORAGE_NO_SPACE', (honest) => ({
    ...honest,
    target: { ...honest.target, zip: { ...honest.target.zip, bytes: 2 ** 50 } },
    plans: [],
  })),
  plan(
    'label-escape',
    'a label that clears the screen: it is shown with marks in place of that',
    null,
    firstPlan({ label: 'zip\u001b[2J' }),
  ),
];
