/** The suite's test_keys.py and test_updater_key_rotations.py. */
import { expect } from 'vitest';
import { type Cases, each } from './cases.test.support.js';
import { type ConformanceRepository, newSigner, type Signer } from './repository.test.support.js';

const thresholds: Cases = {
  async test_snapshot_does_not_meet_threshold(client, repository) {
    repository.rootRole('snapshot').threshold = 3;
    for (const _key of [2, 3]) repository.addKey('snapshot');
    repository.publish('root', 'targets', 'snapshot', 'timestamp');
    await client.init();
    expect(await client.refresh()).toBe(0);
    repository.dropSigner('snapshot');
    repository.publish('targets', 'snapshot', 'timestamp');
    expect(await client.refresh()).toBe(1);
    expect(await client.version('snapshot')).not.toBe(3);
  },
  async test_snapshot_has_too_few_keys(client, repository) {
    await client.init();
    for (const _key of [2, 3, 4, 5]) repository.addKey('snapshot');
    repository.rootRole('snapshot').threshold = 6;
    repository.publish('root', 'snapshot', 'timestamp');
    expect(await client.refresh()).toBe(1);
    expect(await client.version('root')).toBe(2);
    expect(await client.version('snapshot')).not.toBe(2);
  },
  async test_duplicate_keys(client, repository) {
    await client.init();
    const signer = newSigner();
    for (let time = 0; time < 9; time++) repository.nameKey('snapshot', signer);
    repository.addSigner('snapshot', signer);
    repository.rootRole('snapshot').threshold = 6;
    repository.publish('root', 'snapshot', 'timestamp');
    repository.alter('snapshot', ({ signatures }) => {
      const own = signatures.filter(({ keyid }) => keyid === signer.keyid);
      for (let time = 0; time < 8; time++) signatures.push(...own);
    });
    expect(await client.refresh()).toBe(1);
    expect(await client.version('snapshot')).toBeNull();
  },
  async test_duplicate_sig_keyids(client, repository) {
    await client.init();
    repository.alter('snapshot', ({ signatures }) => signatures.push(...signatures));
    expect(await client.refresh()).toBe(1);
    expect(await client.version('snapshot')).toBeNull();
  },
  async test_invalid_sig_in_valid_metadata(client, repository) {
    await client.init();
    repository.addKey('timestamp');
    repository.publish('root', 'timestamp');
    const spoil = (sig: string) => repository.alter('timestamp', ({ signatures }) => Object.assign(signatures[0] ?? {}, { sig }));
    spoil(newSigner().signature(Buffer.from('something else')));
    expect(await client.refresh()).toBe(0);
    repository.publish('timestamp');
    spoil('');
    expect(await client.refresh()).toBe(0);
  },
};

const kinds = { 'rsa/rsassa-pss-sha256': 'rsa', 'ecdsa/ecdsa-sha2-nistp256': 'ecdsa', 'ed25519/ed25519': 'ed25519' } as const;

const keyTypes = each('test_keytype_and_scheme', kinds, (kind) => async (client, repository) => {
  await client.init();
  const signer = repository.addKey('root', 'root', newSigner(kind));
  repository.rootRole('root').threshold += 1;
  repository.publish('root');
  expect(await client.refresh()).toBe(0);
  expect(await client.version('root')).toBe(2);
  repository.publish('root');
  repository.alter('root', ({ signatures }) => {
    const own = signatures.find(({ keyid }) => keyid === signer.keyid);
    Object.assign(own ?? {}, { sig: newSigner(kind).signature(Buffer.from('something else')) });
  });
  expect(await client.refresh()).toBe(1);
  expect(await client.version('root')).toBe(2);
});

/** One version of a role: numbers of its keys, how many have to sign, and which did. */
interface KeyVersion {
  readonly keys: readonly number[];
  readonly threshold: number;
  readonly sigs: readonly number[];
  /** Default: true. */
  readonly isRefused?: true;
}

const version = (keys: readonly number[], threshold: number, sigs: readonly number[]): KeyVersion => ({ keys, threshold, sigs });
const refused = (keys: readonly number[], threshold: number, sigs: readonly number[]): KeyVersion => ({
  keys,
  threshold,
  sigs,
  isRefused: true,
});
const five = [0, 1, 2, 3, 4];
const rotated = [0, 1, 3, 4, 5];

const rootRotations: Readonly<Record<string, readonly KeyVersion[]>> = {
  '1-of-1-key-rotation': [version([1], 1, [1]), version([2], 1, [2, 1]), version([2], 1, [2])],
  '1-of-1-key-rotation-unused-signatures': [version([1], 1, [3, 1, 4]), version([2], 1, [3, 2, 1, 4]), version([2], 1, [3, 2, 4])],
  '3-of-5-sign-with-different-keycombos': [
    version(five, 3, [0, 2, 4]),
    version(five, 3, [0, 4, 1]),
    version(five, 3, [0, 1, 3]),
    version(five, 3, [0, 1, 3]),
  ],
  '3-of-5-one-key-rotated': [version(five, 3, [0, 2, 4]), version(rotated, 3, [0, 4, 1])],
  '3-of-5-one-key-rotated-with-intermediate-step': [
    version(five, 3, [0, 2, 4]),
    version(rotated, 3, [0, 2, 4, 5]),
    version(rotated, 3, [0, 4, 5]),
  ],
  '3-of-5-all-keys-rotated-with-intermediate-step': [
    version(five, 3, [0, 2, 4]),
    version([5, 6, 7, 8, 9], 3, [0, 2, 4, 5, 6, 7]),
    version([5, 6, 7, 8, 9], 3, [5, 6, 7]),
  ],
  '1-of-3-threshold-increase-to-2-of-3': [version([1, 2, 3], 1, [1]), version([1, 2, 3], 2, [1, 2])],
  '2-of-3-threshold-decrease-to-1-of-3': [version([1, 2, 3], 2, [1, 2]), version([1, 2, 3], 1, [1, 2]), version([1, 2, 3], 1, [1])],
  '1-of-2-threshold-increase-to-2-of-2': [version([1], 1, [1]), version([1, 2], 2, [1, 2])],
  '1-of-1-key-rotation-fail-not-signed-with-old-key': [version([1], 1, [1]), refused([2], 1, [2, 3, 4])],
  '1-of-1-key-rotation-fail-not-signed-with-new-key': [version([1], 1, [1]), refused([2], 1, [1, 3, 4])],
  '3-of-5-one-key-rotate-fails-not-signed-with-3-new-keys': [version(five, 3, [0, 2, 4]), refused(rotated, 3, [0, 2, 4])],
  '3-of-5-one-key-rotate-fails-not-signed-with-3-old-keys': [version(five, 3, [0, 2, 4]), refused(rotated, 3, [0, 4, 5])],
  '1-of-3-threshold-bump-to-2-of-3-fails-new-threshold-not-reached': [version([1, 2, 3], 1, [1]), refused([1, 2, 3], 2, [2])],
  '2-of-3-threshold-decr-to-1-of-3-fails-old-threshold-not-eached': [version([1, 2, 3], 2, [1, 2]), refused([1, 2, 3], 1, [1])],
};

const otherRotations: Readonly<Record<string, KeyVersion>> = {
  '1-of-1-key-rotation': version([2], 1, [2]),
  '1-of-1-key-rotation-unused-signatures': version([1], 1, [3, 1, 4]),
  '1-of-1-key-rotation-fail-not-signed-with-new-key': refused([2], 1, [1, 3, 4]),
  '3-of-5-one-key-signature-wrong-not-signed-with-3-expected-keys': refused(rotated, 3, [0, 2, 4]),
  '2-of-5-one-key-signature-mising-threshold-not-reached': refused(rotated, 3, [0, 4]),
  '3-of-5-sign-first-combo': version(five, 3, [0, 2, 4]),
  '3-of-5-sign-second-combo': version(five, 3, [0, 4, 1]),
  '3-of-5-sign-third-combo': version(five, 3, [0, 1, 3]),
  '3-of-5-sign-fourth-combo': version(five, 3, [1, 2, 3]),
  '3-of-5-sign-fifth-combo': version(five, 3, [2, 3, 4]),
};

function setKeys(
  repository: ConformanceRepository,
  role: string,
  { keys, threshold, sigs }: KeyVersion,
  signers: readonly Signer[],
): void {
  repository.clearKeys(role);
  repository.rootRole(role).threshold = threshold;
  const chosen = (numbers: readonly number[]) => numbers.flatMap((number) => signers[number] ?? []);
  for (const signer of chosen(keys)) repository.nameKey(role, signer);
  for (const signer of chosen(sigs)) repository.addSigner(role, signer);
}

const tenSigners = (): readonly Signer[] => Array.from({ length: 10 }, () => newSigner());

const rotations: Cases = {
  ...each('test_root_rotation', rootRotations, (versions) => async (client, repository) => {
    const signers = tenSigners();
    repository.restart('root');
    for (const one of versions) {
      setKeys(repository, 'root', one, signers);
      repository.publish('root');
    }
    repository.publish('targets', 'snapshot', 'timestamp');
    await client.init();
    const isRefused = versions.at(-1)?.isRefused === true;
    expect(await client.refresh()).toBe(isRefused ? 1 : 0);
    expect(await client.text('root')).toBe(String(repository.published.root?.at(isRefused ? -2 : -1)));
  }),
  ...each('test_non_root_rotations', otherRotations, (one) => async (client, repository) => {
    const signers = tenSigners();
    await client.init();
    for (const role of ['timestamp', 'snapshot', 'targets']) {
      setKeys(repository, role, one, signers);
      repository.publish('root', 'targets', 'snapshot', 'timestamp');
      expect(await client.refresh()).toBe(one.isRefused === true ? 1 : 0);
      if (one.isRefused !== true) await client.expectNewest(role);
    }
  }),
};

export const keyCases: Cases = { ...thresholds, ...keyTypes, ...rotations };
