/** The real gpg, with a key ring that is only a test's: what people sign with, and verify with. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** True where there is no gpg and the tests that need it are left out: said once before the tests run. Never true in CI. */
export const lacksGpg = process.env.REMENDO_TEST_LACKS_GPG === '1';

export interface NewGpgKey {
  /** Default `ed25519`. */
  readonly algorithm?: 'ed25519' | 'rsa3072';
  /** As gpg takes it: `1y`, `seconds=60`, `never` (the default). */
  readonly expires?: string;
  /** When it is made, by gpg's clock, in milliseconds since 1970 (default: now). */
  readonly at?: number;
}

export interface Gnupg {
  /** @returns the new key's fingerprint. Its address: `name@example.com`. */
  newKey(name: string, options?: NewGpgKey): string;
  /** A detached signature, by all of `names`. @param args more of gpg's: `--armor`, `--digest-algo SHA1`, `--textmode`. */
  sign(file: Uint8Array, names: readonly string[], args?: readonly string[]): Uint8Array;
  /** Any way of signing or encrypting a file. @param args of gpg's. */
  make(file: Uint8Array, args: readonly string[]): Uint8Array;
  /** Public keys of these names, or of all; armored. */
  exportKeys(...names: readonly string[]): string;
  /** From now on the key is revoked, by the certificate that gpg made with it. */
  revoke(fingerprint: string): void;
  importKey(armored: string): void;
  /** What gpg says of a detached signature, and whether it holds. */
  verify(file: Uint8Array, signature: Uint8Array | string): { readonly isGood: boolean; readonly text: string };
  /** Ends gpg's agent and removes the ring. */
  close(): void;
}

export function createGnupg(): Gnupg {
  // Its agent listens on a socket in this folder, whose name has to be short.
  const folder = mkdtempSync(join(tmpdir(), 'gpg-'));
  // gpg would start it too, and wait five seconds for it, which on a busy machine may be too few.
  if (process.platform !== 'win32') spawnSync('gpg-agent', ['--homedir', folder, '--daemon'], { stdio: 'ignore' });
  const at = (name: string): string => join(folder, name);
  const gpg = (args: readonly string[]) => {
    const always = ['--homedir', folder, '--batch', '--yes', '--quiet', '--pinentry-mode', 'loopback', '--passphrase', ''];
    const { status, stdout, stderr } = spawnSync('gpg', [...always, ...args], { env: { ...process.env, LC_ALL: 'C' } });
    return { isGood: status === 0, stdout, text: String(stderr) };
  };
  const run = (args: readonly string[]): Buffer => {
    const { isGood, stdout, text } = gpg(args);
    if (!isGood) throw new Error(`gpg ${args.join(' ')}: ${text}`);
    return stdout;
  };
  const make = (file: Uint8Array, args: readonly string[]): Uint8Array => {
    writeFileSync(at('file'), file);
    run(['--output', at('made'), ...args, at('file')]);
    return new Uint8Array(readFileSync(at('made')));
  };
  const address = (name: string): string => `${name}@example.com`;
  return {
    newKey(name, { algorithm = 'ed25519', expires = 'never', at: madeAt } = {}) {
      const clock = madeAt === undefined ? [] : ['--faked-system-time', gpgTime(madeAt)];
      run([...clock, '--quick-gen-key', `${name} <${address(name)}>`, algorithm, 'sign', expires]);
      return /^fpr:+([0-9A-F]{40}):/m.exec(run(['--with-colons', '--list-keys', address(name)]).toString())?.[1] ?? '';
    },
    sign: (file, names, args = []) => make(file, [...names.flatMap((name) => ['-u', address(name)]), ...args, '--detach-sign']),
    make,
    exportKeys: (...names) => run(['--armor', '--export', ...names.map(address)]).toString(),
    revoke(fingerprint) {
      // A colon before the certificate keeps it from being imported by mistake.
      const certificate = readFileSync(at(`openpgp-revocs.d/${fingerprint}.rev`), 'utf8').replace(/^:(?=-----BEGIN)/m, '');
      writeFileSync(at('revocation'), certificate);
      run(['--import', at('revocation')]);
    },
    importKey(armored) {
      writeFileSync(at('key'), armored);
      run(['--import', at('key')]);
    },
    verify(file, signature) {
      writeFileSync(at('file'), file);
      writeFileSync(at('signature'), signature);
      const { isGood, text } = gpg(['--verify', at('signature'), at('file')]);
      return { isGood, text };
    },
    close() {
      spawnSync('gpgconf', ['--homedir', folder, '--kill', 'all']);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** `20260131T235959`, UTC; the exclamation mark stops the clock there. */
const gpgTime = (ms: number): string => `${new Date(ms).toISOString().replace(/[-:]|\..*/g, '')}!`;
