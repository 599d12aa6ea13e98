/** A terminal with a repository that it knows, honest so far: what every attack begins with. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Digest, digestOf } from '../hash/digest.js';
import type { BuildToSign } from '../publish/index.js';
import { MemoryFileSystem } from '../testing/memory-file-system.js';
import { SignedRepository } from '../testing/signed-repository.js';
import { binOf, manifestTarget, type SignedBuildName, zipTarget } from './release-targets.js';
import type { ReleaseClaim } from './release-trust.js';
import { SignedTrust, type SignedTrustOptions } from './signed-trust.js';
import { type Floors, readFloors, readTrustState, type TrustState, trustPaths } from './trust-state.js';

export const dayMs = 86_400_000;
export const startMs = Date.parse('2026-11-22T10:00:00Z');
export const folder = '/install/.remendo/trust';

export const named = (version: string, application = 'erp'): SignedBuildName => ({ application, platform: 'any', version });

/** `word` stands for the bytes: other words are other bytes. */
export const build = (version: string, { application = 'erp', word = 'honest' } = {}): BuildToSign => ({
  ...named(version, application),
  manifest: { digest: digestOf(`${word} manifest ${version}`), bytes: 5_000 },
  zip: { digest: digestOf(`${word} zip ${version}`), bytes: 100_000 },
});

export function claim(version: string, options: { readonly application?: string; readonly word?: string } = {}): ReleaseClaim {
  const { manifest, zip, ...name } = build(version, options);
  return { ...name, manifestDigest: manifest.digest as Digest, zip };
}

export const manifestBin = (version: string, application = 'erp'): string =>
  binOf(application, manifestTarget(named(version, application)));

/** Bytes of the attacker's under the name of 1.1.0, in the bins that have to name them. */
export function nameEvil(repository: SignedRepository, keys = repository.keys.application): void {
  const { manifest, zip } = build('1.1.0', { word: 'evil' });
  for (const [name, { digest, bytes }] of [
    [manifestTarget(named('1.1.0')), manifest],
    [zipTarget(named('1.1.0')), zip],
  ] as const) {
    repository.forge(
      binOf('erp', name),
      ({ targets }) => Object.assign(targets, { [name]: { length: bytes, hashes: { sha256: digest } } }),
      keys,
    );
  }
}

export class AttackedTerminal {
  readonly repository: SignedRepository;
  readonly fileSystem = new MemoryFileSystem();
  /** On the disk of this machine, the only thing in a folder of its own. */
  readonly scratchFolder = join(mkdtempSync(join(tmpdir(), 'remendo-attacked-')), 'scratch');
  nowMs = startMs;

  /** Signs 1.0.0, then 1.1.0, of `erp` and of `crm`, a minute apart. */
  constructor(options: ConstructorParameters<typeof SignedRepository>[1] = {}) {
    this.repository = new SignedRepository(startMs, options);
    this.repository.sign(build('1.0.0'));
    this.repository.sign(build('1.0.0', { application: 'crm' }));
    this.wait(60_000);
    this.repository.sign(build('1.1.0'));
  }

  /** Time passes, for the terminal and for the server. */
  wait(ms: number): void {
    this.nowMs += ms;
    this.repository.nowMs += ms;
  }

  options(): Omit<SignedTrustOptions, 'source' | 'root'> {
    const { fileSystem, scratchFolder } = this;
    return { fileSystem, scratchFolder, folder, clock: { now: () => this.nowMs, sleep: async () => {} } };
  }

  trust(options: Partial<SignedTrustOptions> = {}): SignedTrust {
    const { source, shippedRoot } = this.repository;
    return new SignedTrust({ ...this.options(), source, root: shippedRoot, ...options });
  }

  verify(claimed: ReleaseClaim = claim('1.1.0')): Promise<unknown> {
    return this.trust().verifyRelease(claimed);
  }

  floors(): Promise<Floors> {
    return readFloors(this.fileSystem, folder);
  }

  kept(): Promise<TrustState | null> {
    return readTrustState(this.fileSystem, folder);
  }

  /** Loses what is trusted, and keeps the floors. */
  async loseMetadata(how: 'deleted' | 'emptied' | 'torn'): Promise<void> {
    const { metadata } = trustPaths(folder);
    if (how === 'deleted') return this.fileSystem.removeFile(metadata);
    const handle = await this.fileSystem.open(metadata, 'write');
    await handle.truncate(how === 'emptied' ? 0 : 700);
    await handle.close();
  }

  /** Nothing was written beside the folder that metadata is checked in, and nothing is left in it. */
  expectTidy(): void {
    expect(readdirSync(join(this.scratchFolder, '..'))).toEqual(['scratch']);
    expect(readdirSync(this.scratchFolder)).toEqual([]);
  }

  remove(): void {
    rmSync(join(this.scratchFolder, '..'), { recursive: true, force: true });
  }
}

/** Every floor is where it was, or higher. */
export function expectNotLowered(before: Floors, after: Floors): void {
  for (const name of ['signedAtMs', 'root', 'timestamp', 'snapshot'] as const)
    expect(after[name]).toBeGreaterThanOrEqual(before[name]);
  for (const [role, version] of Object.entries(before.roles)) expect(after.roles[role], role).toBeGreaterThanOrEqual(version);
}

export interface Attack {
  readonly code: string;
  readonly attack: (repository: SignedRepository, terminal: AttackedTerminal) => unknown;
  /** What the server announces (default: the attacker's bytes as 1.1.0). */
  readonly claimed?: ReleaseClaim;
}

/**
 * The attack is refused, each time; what the terminal keeps is as good as before; and when the server is honest again,
 * what it signed is believed, and the attacker's bytes still are not.
 */
export async function expectRefused(
  terminal: AttackedTerminal,
  { code, attack, claimed = claim('1.1.0', { word: 'evil' }) }: Attack,
) {
  await terminal.verify();
  const before = await terminal.floors();
  const healed = await terminal.repository.attackedBy(() => attack(terminal.repository, terminal));
  for (const _time of [1, 2]) await expect(terminal.verify(claimed)).rejects.toMatchObject({ code });
  expectNotLowered(before, await terminal.floors());
  healed();
  await terminal.verify();
  await expect(terminal.verify(claim('1.1.0', { word: 'evil' }))).rejects.toMatchObject({ code: 'TRUST_RELEASE_UNSIGNED' });
  expectNotLowered(before, await terminal.floors());
  terminal.expectTidy();
}
