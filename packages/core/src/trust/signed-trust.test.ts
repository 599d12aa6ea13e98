import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Digest, digestOf } from '../hash/digest.js';
import { MemoryFileSystem } from '../testing/memory-file-system.js';
import { SignedRepository } from '../testing/signed-repository.js';
import { SignedTrust } from './signed-trust.js';

const folder = '/install/.remendo/trust';
let scratchFolder: string;
beforeAll(async () => {
  scratchFolder = await mkdtemp(join(tmpdir(), 'remendo-trust-'));
});
afterAll(() => rm(scratchFolder, { recursive: true, force: true }));

const start = Date.parse('2026-11-22T10:00:00Z');
let repository: SignedRepository;
let fileSystem: MemoryFileSystem;
let nowMs: number;

function trust(): SignedTrust {
  const clock = { now: () => nowMs, sleep: async () => {} };
  return new SignedTrust({ fileSystem, clock, source: repository.source, folder, scratchFolder, root: repository.shippedRoot });
}

const named = (version: string) => ({ application: 'erp', platform: 'any', version });
const build = (version: string) => ({
  ...named(version),
  manifest: { digest: digestOf(Buffer.from(`manifest ${version}`)), bytes: 5_000 },
  zip: { digest: digestOf(Buffer.from(`zip ${version}`)), bytes: 100_000 },
});
const claim = (version: string) => {
  const { manifest, zip, ...name } = build(version);
  return { ...name, manifestDigest: manifest.digest as Digest, zip };
};

beforeEach(() => {
  nowMs = start;
  repository = new SignedRepository(start);
  fileSystem = new MemoryFileSystem();
});

describe('signed trust', () => {
  it('believes what is signed, and nothing else', async () => {
    repository.sign(build('1.0.0'), build('1.1.0'));
    const verified = await trust().verifyRelease(claim('1.1.0'));
    expect(verified.manifest).toEqual({ digest: claim('1.1.0').manifestDigest, bytesMax: 5_000 });
    await expect(trust().verifyRelease(claim('1.2.0'))).rejects.toMatchObject({ code: 'TRUST_RELEASE_UNSIGNED' });
    const otherZip = { ...claim('1.1.0'), zip: claim('1.0.0').zip };
    await expect(trust().verifyRelease(otherZip)).rejects.toMatchObject({ code: 'TRUST_RELEASE_UNSIGNED' });
  });

  it('costs little at 1,000 releases: 2 KB when nothing is new, 16 KB for an update', async () => {
    repository.sign(...Array.from({ length: 1_000 }, (_, index) => build(`1.${index}.0`)));
    await trust().verifyRelease(claim('1.998.0'));
    const bytes = () => repository.fetched.splice(0).reduce((sum, one) => sum + one.bytes, 0);
    bytes();
    await trust().refresh();
    const nothingNew = bytes();
    repository.nowMs += 86_400_000;
    nowMs = repository.nowMs;
    repository.sign(build('1.1000.0'));
    await trust().verifyRelease(claim('1.1000.0'));
    const update = bytes();
    console.log(`metadata: ${nothingNew} bytes when nothing is new, ${update} for an update`);
    expect(nothingNew).toBeLessThanOrEqual(2_048);
    expect(update).toBeLessThanOrEqual(16_384);
  });
});
