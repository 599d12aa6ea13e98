/** The suite's test_file_download.py, test_updater_delegation_graphs.py and test_quoting_issues.py. */
import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { type Cases, each } from './cases.test.support.js';
import type { ClientUnderTest } from './client.test.support.js';
import type { ConformanceRepository, DelegatedRole } from './repository.test.support.js';

const path = 'target_file.txt';
const contents = 'target file contents';

const downloads: Cases = {
  async test_client_downloads_expected_file(client, repository) {
    await client.init();
    repository.addArtifact('targets', path, contents);
    repository.publish('targets', 'snapshot', 'timestamp');
    expect(await client.refresh()).toBe(0);
    expect(await client.downloaded()).toEqual([]);
    expect(await client.download(path)).toBe(0);
    expect(await client.downloaded()).toEqual([contents]);
  },
  async test_client_downloads_expected_file_in_sub_dir(client, repository) {
    await client.init();
    repository.addArtifact('targets', `path/to/a/${path}`, contents);
    repository.publish('targets', 'snapshot', 'timestamp');
    expect(await client.download(`path/to/a/${path}`)).toBe(0);
    expect(await client.downloaded()).toEqual([contents]);
  },
  async test_repository_substitutes_target_file(client, repository) {
    await client.init();
    repository.addArtifact('targets', path, contents);
    repository.addArtifact('targets', 'another', 'content');
    repository.publish('targets', 'snapshot', 'timestamp');
    expect(await client.download(path)).toBe(0);
    for (const name of [path, 'another']) repository.artifacts.set(name, Buffer.from('malicious data - should not download'));
    await client.download(path);
    expect(await client.downloaded()).toEqual([contents]);
    expect(await client.download('another')).toBe(1);
    expect(await client.downloaded()).toEqual([contents]);
  },
  async test_multiple_changes_to_target(client, repository) {
    await client.init();
    const expected = new Map([[path, contents]]);
    repository.addArtifact('targets', path, contents);
    repository.publish('targets', 'snapshot', 'timestamp');
    expect(await client.download(path)).toBe(0);
    for (let change = 0; change < 11; change++) await changeTargets(client, repository, { change, expected });
  },
  async test_download_with_unknown_hash_algorithm(client, repository) {
    repository.addArtifact('targets', path, contents);
    Object.assign(repository.of('targets').targets[path] ?? {}, { hashes: { 'unknown-hash': hashOf('sha512') } });
    repository.publish('targets', 'snapshot', 'timestamp');
    await client.init();
    expect(await client.download(path)).toBe(1);
    expect(await client.downloaded()).toEqual([]);
  },
  async test_artifact_cache(client, repository) {
    await client.init();
    repository.addArtifact('targets', path, contents);
    repository.publish('targets', 'snapshot', 'timestamp');
    expect(await client.download(path)).toBe(0);
    expect(await client.download(path)).toBe(0);
    expect(repository.artifactRequests).toEqual([path]);
  },
  ...each(
    'test_download_with_hash_algorithms',
    { sha256: ['sha256'], sha512: ['sha512'], 'sha256 and sha512': ['sha256', 'sha512'] },
    (algorithms) => async (client, repository) => {
      repository.addArtifact('targets', path, contents);
      const hashes = Object.fromEntries(algorithms.map((algorithm) => [algorithm, hashOf(algorithm)]));
      Object.assign(repository.of('targets').targets[path] ?? {}, { hashes });
      repository.publish('targets', 'snapshot', 'timestamp');
      await client.init();
      expect(await client.download(path)).toBe(0);
      expect(repository.artifactRequests).toEqual([path]);
      expect(await client.downloaded()).toEqual([contents]);
    },
  ),
};

const hashOf = (algorithm: string): string => createHash(algorithm).update(contents).digest('hex');

interface Change {
  readonly change: number;
  /** What has to lie in the folder of targets, by its name. */
  readonly expected: Map<string, string>;
}

/** The client sees every fifth change only. */
async function changeTargets(
  client: ClientUnderTest,
  repository: ConformanceRepository,
  { change, expected }: Change,
): Promise<void> {
  const [modified, added] = [`modified file contents ${change}`, `new file contents ${change}`];
  repository.addArtifact('targets', path, modified);
  repository.addArtifact('targets', `new-target-${change}`, added);
  repository.publish('targets', 'snapshot', 'timestamp');
  if (change % 5 !== 0) return;
  for (const [name, text] of [
    [path, modified],
    [`new-target-${change}`, added],
  ] as const) {
    expect(await client.download(name)).toBe(0);
    expected.set(name, text);
  }
  repository.artifacts.set(path, Buffer.from(`malicious contents ${change}`));
  repository.publish('targets', 'snapshot', 'timestamp');
  await client.download(path);
  expect(await client.downloaded()).toEqual([...expected.values()].sort());
}

type Delegation = Partial<DelegatedRole> & { readonly by: string; readonly name: string };
const delegation = (by: string, name: string, more: Partial<DelegatedRole> = {}): Delegation => ({ by, name, ...more });
const [toA, toB] = [delegation('targets', 'A'), delegation('targets', 'B')];
const terminating = { terminating: true };
const pythonOnly = { paths: ['*.py'] };

/** What delegates to what, and the order in which roles are asked for. */
const graphs: Readonly<Record<string, readonly [order: string, ...delegations: Delegation[]]>> = {
  'basic-delegation': ['A', toA],
  'single-level-delegations': ['AB', toA, toB],
  'two-level-delegations': ['ABC', toA, toB, delegation('B', 'C')],
  'two-level-test-DFS-order-of-traversal': ['ACDB', toA, toB, delegation('A', 'C'), delegation('A', 'D')],
  'three-level-delegation-test-DFS-order-of-traversal': ['ACDB', toA, toB, delegation('A', 'C'), delegation('C', 'D')],
  'two-level-terminating-ignores-all-but-roles-descendants': [
    'AC',
    toA,
    toB,
    delegation('A', 'C', terminating),
    delegation('A', 'D'),
  ],
  'three-level-terminating-ignores-all-but-roles-descendants': [
    'ACD',
    toA,
    toB,
    delegation('A', 'C', terminating),
    delegation('C', 'D'),
  ],
  'two-level-ignores-all-branches-not-matching-paths': ['B', delegation('targets', 'A', pythonOnly), toB, delegation('A', 'C')],
  'three-level-ignores-all-branches-not-matching-paths': ['AB', toA, toB, delegation('A', 'C', pythonOnly), delegation('C', 'D')],
  'cyclic-graph': ['ABCD', toA, toB, delegation('B', 'C'), delegation('C', 'D'), delegation('D', 'B')],
  'two-roles-delegating-to-a-third': ['ACB', toA, toB, delegation('B', 'C'), delegation('A', 'C')],
  'two-roles-delegating-to-a-third-different-paths': ['ABC', toA, toB, delegation('B', 'C'), delegation('A', 'C', pythonOnly)],
};

function delegate(repository: ConformanceRepository, delegations: readonly Delegation[]): void {
  for (const { by, ...role } of delegations) repository.addDelegation(by, role);
  repository.publish(...new Set(delegations.flatMap(({ by, name }) => [name, by])), 'snapshot', 'timestamp');
}

const tree = [
  delegation('targets', 'A', { paths: ['*.doc', '*.md', 'foo-?.tgz'] }),
  delegation('targets', 'B', { paths: ['releases/*/*'] }),
  delegation('B', 'C', { paths: ['releases/x/*'] }),
  delegation('B', 'D', { paths: ['releases/y/*.zip'] }),
];

const inTree: readonly (readonly [role: string, path: string])[] = [
  ['targets', 'targetfile'],
  ['A', 'README.md'],
  ['A', 'releases/README.md'],
  ['A', 'foo-1.tgz'],
  ['A', 'foo-alpha.tgz'],
  ['C', 'releases/x/x_v1'],
  ['D', 'releases/y/y_v1.zip'],
  ['D', 'releases/z/z_v1.zip'],
];

const searches: Readonly<Record<string, readonly [path: string, isFound: boolean, order: string]>> = {
  'no delegations': ['targetfile', true, ''],
  'targetpath matches wildcard': ['README.md', true, 'A'],
  'targetpath with separators x': ['releases/x/x_v1', true, 'BC'],
  'targetpath with separators y': ['releases/y/y_v1.zip', true, 'BD'],
  'targetpath is not delegated by all roles in the chain': ['releases/z/z_v1.zip', false, 'B'],
  'wildcard does not match path separator': ['releases/README.md', false, ''],
  'targetpath matches question mark wildcard': ['foo-1.tgz', true, 'A'],
  'targetpath does not match question mark wildcard': ['foo-alpha.tgz', false, ''],
  'targetpath matching is case sensitive': ['README.MD', false, ''],
};

/** Behind the four top-level roles. */
const rolesAskedFor = ({ metadataRequests }: ConformanceRepository): string => metadataRequests.slice(4).join(',');
const firsts = (order: string): string => [...order].map((role) => `${role} 1`).join(',');

const delegations: Cases = {
  ...each('test_graph_traversal', graphs, ([order, ...graph]) => async (client, repository) => {
    await client.init();
    delegate(repository, graph);
    expect(await client.download('missingpath')).toBe(1);
    expect(rolesAskedFor(repository)).toBe(firsts(order));
  }),
  ...each('test_targetfile_search', searches, ([searched, isFound, order]) => async (client, repository) => {
    await client.init();
    for (const { by, ...role } of tree) repository.addDelegation(by, role);
    for (const [role, name] of inTree) repository.addArtifact(role, name, `${name} by ${role}`);
    repository.publish('A', 'targets', 'B', 'C', 'D', 'snapshot', 'timestamp');
    expect(await client.download(searched)).toBe(isFound ? 0 : 1);
    expect(await client.downloaded()).toEqual(isFound ? [String(repository.artifacts.get(searched))] : []);
    expect(rolesAskedFor(repository)).toBe(firsts(order));
  }),
  async test_cached_role_is_verified_against_current_delegator(client, repository) {
    await client.init();
    for (const team of ['a', 'b']) repository.addDelegation('targets', { name: `parent-${team}`, paths: [`team-${team}/*`] });
    for (const team of ['a', 'b']) repository.addDelegation(`parent-${team}`, { name: 'release', paths: [`team-${team}/*`] });
    repository.dropSigner('release');
    repository.addArtifact('release', 'team-a/trusted_root.json', 'trusted A');
    repository.addArtifact('release', 'team-b/trusted_root.json', 'malicious B');
    repository.publish('release', 'parent-a', 'parent-b', 'targets', 'snapshot', 'timestamp');
    expect(await client.download('team-a/trusted_root.json', 'team-b/trusted_root.json')).toBe(1);
    expect(await client.downloaded()).toEqual(['trusted A']);
  },
  async test_delegation_not_in_snapshot(client, repository) {
    await client.init();
    repository.addDelegation('targets', { name: 'delegated', paths: ['delegatedpath/*'] });
    repository.publish('delegated', 'targets');
    delete repository.snapshotMeta['delegated.json'];
    repository.publish('snapshot', 'timestamp');
    expect(await client.refresh()).toBe(0);
    repository.metadataRequests.length = 0;
    expect(await client.download('delegatedpath/foo')).toBe(1);
    expect(await client.version('delegated')).toBeNull();
    expect(repository.metadataRequests).toEqual(['root 2', 'timestamp']);
  },
};

const names = { '?': '?', '#': '#', '/delegatedrole': '/delegatedrole', '../delegatedrole': '../delegatedrole' };

const quoting = each('test_unusual_role_name', names, (name) => async (client, repository) => {
  repository.addDelegation('targets', { name });
  repository.publish(name, 'targets', 'snapshot', 'timestamp');
  await client.init();
  expect(await client.download('nonexistent target')).toBe(1);
  expect(repository.metadataRequests).toContain(`${encodeURIComponent(name)} 1`);
  expect(await client.trusted()).toHaveLength(5);
});

export const targetCases: Cases = { ...downloads, ...delegations, ...quoting };
