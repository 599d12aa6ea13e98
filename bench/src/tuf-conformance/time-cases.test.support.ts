/** The suite's test_expiration.py and test_rollback.py. */
import { expect } from 'vitest';
import { type Cases, each } from './cases.test.support.js';
import { inDays } from './repository.test.support.js';

const in18Days = (): Date => new Date(Date.now() + 18 * 86_400_000);

const expiration: Cases = {
  async test_root_expired(client, repository) {
    await client.init();
    expect(await client.refresh()).toBe(0);
    repository.publish('root');
    expect(await client.refresh()).toBe(0);
    repository.root.expires = inDays(-1);
    repository.publish('root', 'targets', 'snapshot', 'timestamp');
    expect(await client.refresh()).toBe(1);
    expect(await client.trusted()).toEqual(['root 3', 'snapshot 1', 'targets 1', 'timestamp 1']);
  },
  async test_timestamp_expired(client, repository) {
    await client.init();
    expect(await client.refresh()).toBe(0);
    repository.of('timestamp').expires = inDays(-5);
    repository.publish('timestamp');
    expect(await client.refresh()).toBe(1);
    expect(await client.trusted()).toEqual(['root 1', 'snapshot 1', 'targets 1', 'timestamp 1']);
  },
  async test_snapshot_expired(client, repository) {
    await client.init();
    expect(await client.refresh()).toBe(0);
    repository.of('snapshot').expires = inDays(-5);
    repository.publish('snapshot', 'timestamp');
    expect(await client.refresh()).toBe(1);
    expect(await client.trusted()).toEqual(['root 1', 'snapshot 1', 'targets 1', 'timestamp 2']);
  },
  async test_targets_expired(client, repository) {
    await client.init();
    expect(await client.refresh()).toBe(0);
    repository.of('targets').expires = inDays(-5);
    repository.publish('targets', 'snapshot', 'timestamp');
    expect(await client.refresh()).toBe(1);
    expect(await client.trusted()).toEqual(['root 1', 'snapshot 2', 'targets 1', 'timestamp 2']);
  },
  async test_expired_local_root(client, repository) {
    await client.init();
    repository.root.expires = inDays(7);
    repository.publish('root');
    expect(await client.refresh()).toBe(0);
    repository.root.expires = inDays(21);
    repository.publish('root');
    expect(await client.refresh(in18Days())).toBe(0);
    expect(await client.version('root')).toBe(3);
  },
  async test_expired_local_timestamp(client, repository) {
    await client.init();
    repository.of('timestamp').expires = inDays(7);
    repository.publish('timestamp');
    expect(await client.refresh()).toBe(0);
    repository.of('timestamp').expires = inDays(21);
    repository.publish('targets', 'snapshot', 'timestamp');
    expect(await client.refresh(in18Days())).toBe(0);
    expect(await client.trusted()).toEqual(['root 1', 'snapshot 2', 'targets 2', 'timestamp 3']);
  },
};

const withAndWithoutHashes = { basic: false, 'with hashes': true };

const rollback: Cases = {
  async test_new_timestamp_version_rollback(client, repository) {
    await client.init();
    repository.publish('timestamp');
    expect(await client.refresh()).toBe(0);
    expect(await client.version('timestamp')).toBe(2);
    repository.restart('timestamp');
    repository.publish('timestamp');
    expect(await client.refresh()).toBe(1);
    expect(await client.version('timestamp')).toBe(2);
    expect(repository.metadataRequests.at(-1)).toBe('timestamp');
  },
  ...each('test_snapshot_rollback', withAndWithoutHashes, (computesHashes) => async (client, repository) => {
    await client.init();
    repository.computesHashes = computesHashes;
    repository.publish('snapshot', 'timestamp');
    expect(await client.refresh()).toBe(0);
    repository.restart('snapshot');
    repository.publish('snapshot', 'timestamp');
    expect(await client.refresh()).toBe(1);
    expect(await client.version('timestamp')).toBe(2);
    expect(await client.version('snapshot')).toBe(2);
    expect(repository.metadataRequests.at(-1)).toBe('timestamp');
  }),
  async test_targets_role_removal(client, repository) {
    await client.init();
    repository.addDelegation('targets', { name: 'delegated', paths: ['delegatedpath/*'] });
    repository.publish('delegated', 'targets', 'snapshot', 'timestamp');
    expect(await client.refresh()).toBe(0);
    delete repository.snapshotMeta['delegated.json'];
    repository.publish('snapshot', 'timestamp');
    expect(await client.refresh()).toBe(1);
    expect(await client.version('snapshot')).toBe(2);
  },
  ...each('test_targets_rollback', withAndWithoutHashes, (computesHashes) => async (client, repository) => {
    await client.init();
    repository.computesHashes = computesHashes;
    repository.publish('targets', 'snapshot', 'timestamp');
    expect(await client.refresh()).toBe(0);
    repository.restart('targets');
    repository.publish('targets', 'snapshot', 'timestamp');
    expect(await client.refresh()).toBe(1);
    expect(await client.version('snapshot')).toBe(2);
    expect(await client.version('targets')).toBe(2);
  }),
};

const times = (count: number, role: string): readonly string[] => Array.from({ length: count }, () => role);

const fastForwardRecovery: Cases = {
  async test_targets_fast_forward_recovery(client, repository) {
    await client.init();
    repository.addDelegation('targets', { name: 'delegated', paths: ['delegatedpath/*'] });
    repository.publish('delegated', ...times(99, 'targets'), 'snapshot', 'timestamp');
    expect(await client.refresh()).toBe(0);
    expect(await client.version('targets')).toBe(100);
    repository.rotateKeys('snapshot');
    repository.restart('targets');
    delete repository.snapshotMeta['delegated.json'];
    repository.publish('root', 'targets', 'snapshot', 'timestamp');
    expect(await client.refresh()).toBe(0);
    expect(await client.version('targets')).toBe(1);
  },
  async test_new_snapshot_fast_forward_recovery(client, repository) {
    await client.init();
    repository.publish(...times(99, 'snapshot'), 'timestamp');
    expect(await client.refresh()).toBe(0);
    expect(await client.version('snapshot')).toBe(100);
    for (const role of ['snapshot', 'timestamp']) repository.rotateKeys(role);
    repository.restart('snapshot');
    repository.publish('root', 'targets', 'snapshot', 'timestamp');
    expect(await client.refresh()).toBe(0);
    expect(await client.version('snapshot')).toBe(1);
  },
  async test_new_timestamp_fast_forward_recovery(client, repository) {
    await client.init();
    repository.publish(...times(99, 'timestamp'));
    expect(await client.refresh()).toBe(0);
    expect(await client.version('timestamp')).toBe(100);
    repository.rotateKeys('timestamp');
    repository.restart('timestamp');
    repository.publish('root', 'timestamp');
    expect(await client.refresh()).toBe(0);
    expect(await client.version('timestamp')).toBe(1);
  },
};

export const timeCases: Cases = { ...expiration, ...rollback, ...fastForwardRecovery };
