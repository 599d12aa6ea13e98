/**
 * The import graph, once, as code. ARCHITECTURE.md draws it; scripts/check.mjs holds every import to it.
 *
 * Type imports count like any other: a layer that knows another's types depends on it.
 */

const core = '^packages/core/src/';
/** Tests, and what only they use. They may import what they test it with, from any layer. */
const tests = '\\.test\\.ts$|\\.contract\\.ts$|\\.test\\.support\\.ts$|\\.test\\.fixtures\\.ts$|/testing/';

/** Each layer imports from itself and from those above it. */
const layers = [
  { name: 'foundation', members: '(errors|limits|ports|node-ports)\\.ts$|(bytes|hash)/' },
  { name: 'formats', members: '(manifest|patch|delta|protocol|zip)/' },
  { name: 'decisions', members: '(planner|rollout)/' },
  { name: 'effects', members: '(file-system|download|transaction|trust|workers)/' },
  { name: 'use cases', members: '(publish|update)/' },
  { name: 'entry', members: 'index\\.ts$' },
];

const layerRules = layers.slice(0, -1).map((layer, depth) => ({
  name: `core: ${layer.name} import from no later layer`,
  severity: 'error',
  from: { path: `${core}(${layer.members})`, pathNot: tests },
  to: { path: layers.slice(depth + 1).map((later) => `${core}(${later.members})`) },
}));

/** Packages and what of ours they may import. Nobody reaches into another's sources: packages are used as they are built. */
const packages = [
  { folder: 'packages/core', imports: [] },
  { folder: 'packages/server', imports: ['packages/core'] },
  { folder: 'packages/cli', imports: ['packages/core'] },
  { folder: 'fixtures', imports: ['packages/core'] },
  { folder: 'bench', imports: ['packages/core', 'fixtures'] },
];

const packageRules = packages.map(({ folder, imports }) => ({
  name: `${folder} imports ${imports.length === 0 ? 'none' : `only ${imports.join(' and ')}`} of our packages`,
  severity: 'error',
  from: { path: `^${folder}/` },
  to: {
    path: '^(packages|bench|fixtures)/|^@remendo/',
    pathNot: [`^${folder}/`, ...imports.map((other) => `^${other}/(dist/|package\\.json$)`), '/node_modules/'],
  },
}));

export default {
  forbidden: [
    ...layerRules,
    ...packageRules,
    {
      name: 'core: publishing and updating know nothing of each other',
      severity: 'error',
      from: { path: `${core}(publish|update)/`, pathNot: tests },
      to: { path: `${core}(publish|update)/`, pathNot: `${core}$1/` },
    },
    {
      name: 'core: only tests import from testing',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/', pathNot: tests },
      to: { path: '^packages/core/(src|dist)/testing/' },
    },
    {
      name: 'core: the system is reached only through what is passed in',
      comment:
        'Files named node-… are the implementations of ports for this machine; threads are started in workers/, and the ' +
        'program of one stands beside what it runs, named …-worker; bsdiff-node takes paths and opens them itself, so its ' +
        'maker is one too.',
      severity: 'error',
      from: {
        path: core,
        pathNot: [tests, '/node-[^/]+\\.ts$', `${core}workers/`, '-worker\\.ts$', `${core}publish/bsdiff-patch-maker\\.ts$`],
      },
      to: { path: '^(node:)?(fs|child_process|worker_threads|os|net|tls|http|https|http2|dns|dgram|cluster|process)(/|$)' },
    },
    {
      name: 'core: protocol is safe for browsers',
      severity: 'error',
      from: { path: `${core}protocol/`, pathNot: tests },
      to: { pathNot: [`${core}protocol/`, '/typebox/'] },
    },
    {
      name: 'no cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'every import is there and declared in a package.json',
      severity: 'error',
      from: {},
      // Our own packages are links to folders here; the package rules above are stricter about them.
      to: { pathNot: '^packages/', dependencyTypes: ['unknown', 'undetermined', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'what is shipped imports no development dependency',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/', pathNot: tests },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '/dist/'] },
    exclude: { path: ['\\.d\\.ts$'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    combinedDependencies: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'default'] },
  },
};
