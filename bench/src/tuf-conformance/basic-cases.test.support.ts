/** The suite's test_basic.py: what is asked for, what is trusted afterwards, and malformed or missing metadata. */
import { expect } from 'vitest';
import { type Cases, each } from './cases.test.support.js';
import { allRoles, inDays, keyIdOf, newSigner, type Signer } from './repository.test.support.js';

const freshRequests = ['root 2', 'timestamp', 'snapshot 1', 'targets 1'];

/** What changed in the key changes its id. */
function withFields(fields: object): Signer {
  const signer = newSigner();
  Object.assign(signer.key, fields);
  signer.keyid = keyIdOf(signer.key);
  return signer;
}

const refreshed: Cases = {
  async test_basic_refresh_requests(client, repository) {
    await client.init();
    expect(await client.refresh()).toBe(0);
    expect(repository.metadataRequests).toEqual(freshRequests);
  },
  async test_basic_refresh_trusted_data(client) {
    await client.init();
    expect(await client.refresh()).toBe(0);
    await client.expectNewest(...allRoles);
  },
  async test_implicit_refresh(client, repository) {
    await client.init();
    expect(await client.download('nonexistent artifact')).toBe(1);
    expect(repository.metadataRequests).toEqual(freshRequests);
    await client.expectNewest(...allRoles);
  },
  async test_metadata_bytes_match(client, repository) {
    await client.init();
    repository.published.timestamp = [Buffer.concat([repository.metadata('timestamp') ?? Buffer.alloc(0), Buffer.from(' ')])];
    expect(await client.refresh()).toBe(0);
    await client.expectNewest('timestamp');
  },
  async test_faketime(client, repository) {
    await client.init();
    repository.root.expires = inDays(7);
    repository.publish('root');
    expect(await client.refresh()).toBe(0);
    expect(await client.refresh(new Date(Date.now() + 8 * 86_400_000))).toBe(1);
  },
};

const malformed: Cases = {
  async test_invalid_initial_root(client, repository) {
    const root = JSON.parse(String(repository.metadata('root')));
    delete root.signed.version;
    await client.init(Buffer.from(JSON.stringify(root)));
    expect(await client.refresh()).toBe(1);
    expect(repository.metadataRequests).toEqual([]);
  },
  async test_unsigned_initial_root(client, repository) {
    const root = JSON.parse(String(repository.metadata('root')));
    root.signatures[0].sig = newSigner().signature(Buffer.from('something else'));
    await client.init(Buffer.from(JSON.stringify(root)));
    expect(await client.refresh()).toBe(1);
    expect(repository.metadataRequests).toEqual([]);
  },
  ...each(
    'test_unsigned_metadata',
    {
      root: ['root 1'],
      timestamp: ['root 2'],
      snapshot: ['root 2', 'timestamp 2'],
      targets: ['root 2', 'snapshot 2', 'timestamp 2'],
    },
    (trusted) => async (client, repository) => {
      const role = ['root', 'timestamp', 'snapshot', 'targets'][trusted[0] === 'root 1' ? 0 : trusted.length] ?? '';
      repository.dropSigner(role);
      repository.publish(...allRoles);
      await client.init();
      expect(await client.refresh()).toBe(1);
      expect(await client.trusted()).toEqual(trusted);
    },
  ),
  ...each(
    'test_url_and_metadata_version_mismatch',
    {
      root: { role: 'root', trusted: ['root 1'] },
      snapshot: { role: 'snapshot', trusted: ['root 2', 'timestamp 2'] },
      targets: { role: 'targets', trusted: ['root 2', 'snapshot 2', 'timestamp 2'] },
    },
    ({ role, trusted }) =>
      async (client, repository) => {
        // Served as the second, it says that it is the third.
        repository.of(role).version += 1;
        repository.publish('root', 'targets', 'snapshot', 'timestamp');
        await client.init();
        expect(await client.refresh()).toBe(1);
        expect(await client.trusted()).toEqual(trusted);
      },
  ),
  async test_timestamp_content_changes(client, repository) {
    await client.init();
    expect(await client.refresh()).toBe(0);
    repository.listedSnapshot.version = 100;
    repository.restart('timestamp');
    repository.publish('timestamp');
    expect(await client.refresh()).toBe(0);
    expect(repository.metadataRequests.at(-1)).toBe('timestamp');
    expect(JSON.parse((await client.text('timestamp')) ?? '').signed.meta['snapshot.json'].version).toBe(1);
  },
  async test_incorrect_metadata_type(client, repository) {
    await client.init();
    for (const signer of repository.signers.timestamp?.values() ?? []) repository.addKey('snapshot', 'root', signer);
    repository.of('snapshot').meta = { 'snapshot.json': { version: 1 } };
    repository.publish('root', 'snapshot');
    repository.published.timestamp?.push(repository.published.snapshot?.pop() ?? Buffer.alloc(0));
    expect(await client.refresh()).toBe(1);
    expect(await client.trusted()).toEqual(['root 2']);
  },
};

const hashes: Cases = {
  async test_basic_metadata_hash_support(client, repository) {
    repository.computesHashes = true;
    repository.publish('targets', 'snapshot', 'timestamp');
    await client.init();
    expect(await client.refresh()).toBe(0);
  },
  async test_targets_hash_mismatch(client, repository) {
    repository.computesHashes = true;
    repository.publish('targets', 'snapshot', 'timestamp');
    await client.init();
    expect(await client.refresh()).toBe(0);
    repository.publish('targets');
    Object.assign(repository.snapshotMeta['targets.json'] ?? {}, { hashes: { sha256: '0'.repeat(64) } });
    repository.publish('snapshot', 'timestamp');
    expect(await client.refresh()).toBe(1);
    expect(await client.version('snapshot')).toBe(3);
    expect(await client.version('targets')).not.toBe(3);
  },
  async test_snapshot_hash_mismatch(client, repository) {
    repository.computesHashes = true;
    repository.publish('snapshot', 'timestamp');
    await client.init();
    expect(await client.refresh()).toBe(0);
    repository.publish('snapshot');
    Object.assign(repository.listedSnapshot, { hashes: { sha256: '0'.repeat(64) } });
    repository.publish('timestamp');
    expect(await client.refresh()).toBe(1);
    expect(await client.version('snapshot')).not.toBe(3);
    expect(await client.version('timestamp')).toBe(3);
  },
};

const fields: Cases = {
  async test_custom_fields(client, repository) {
    await client.init();
    expect(await client.refresh()).toBe(0);
    Object.assign(repository.root, { 'custom-field': 'value' });
    repository.addKey('root', 'root', withFields({ 'extra-field': { a: 1, b: 2 } }));
    Object.assign(repository.rootRole('root'), { 'another-field': 'value' });
    repository.publish('root');
    expect(await client.refresh()).toBe(0);
    expect(await client.version('root')).toBe(2);
  },
  async test_deprecated_keyid_hash_algorithms(client, repository) {
    await client.init();
    repository.clearKeys('snapshot');
    repository.addKey('snapshot', 'root', withFields({ keyid_hash_algorithms: 'md5' }));
    repository.publish('root', 'snapshot', 'timestamp');
    expect(await client.refresh()).toBe(0);
    expect(await client.version('root')).toBe(2);
    expect(await client.version('snapshot')).toBe(2);
  },
};

const missing: Cases = {
  async test_snapshot_404(client, repository) {
    await client.init();
    expect(await client.refresh()).toBe(0);
    repository.listedSnapshot.version += 1;
    repository.publish('timestamp');
    expect(await client.refresh()).toBe(1);
    expect(repository.metadataRequests.at(-1)).toBe('snapshot 2');
    expect(await client.trusted()).toEqual(['root 1', 'snapshot 1', 'targets 1', 'timestamp 2']);
  },
  async test_targets_404(client, repository) {
    await client.init();
    expect(await client.refresh()).toBe(0);
    Object.assign(repository.snapshotMeta['targets.json'] ?? {}, { version: 2 });
    repository.publish('snapshot', 'timestamp');
    expect(await client.refresh()).toBe(1);
    expect(repository.metadataRequests.at(-1)).toBe('targets 2');
    expect(await client.trusted()).toEqual(['root 1', 'snapshot 2', 'targets 1', 'timestamp 2']);
  },
  async test_timestamp_404(client, repository) {
    await client.init();
    expect(await client.refresh()).toBe(0);
    delete repository.published.timestamp;
    expect(await client.refresh()).toBe(1);
    expect(repository.metadataRequests.at(-1)).toBe('timestamp');
  },
};

export const basicCases: Cases = { ...refreshed, ...malformed, ...hashes, ...fields, ...missing };
