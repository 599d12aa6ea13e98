// Packs the built command into few files: Node then opens four files at a start instead of more than a thousand, and what no
// command needs is left out. Parts of the command tree become files of their own, loaded when they are asked for.
// `dist/packed/remendo.js` is what the package installs; `packForExecutable` does the same for single executables.
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const main = join(here, 'dist/start.js');
const core = join(here, 'node_modules/@remendo/core/dist');
/** Programs of threads, by where they lie beside it: as they do beside the module of core that starts them. */
export const workers = {
  'derive-worker': join(core, 'workers/derive-worker.js'),
  'remendo/make-patch-worker': join(core, 'publish/remendo/make-patch-worker.js'),
};

/** Names stay as they are, for stack traces. */
const common = {
  // Names of packages are in the text, by their paths from here.
  absWorkingDir: join(here, '../..'),
  bundle: true,
  platform: 'node',
  target: 'node20',
  minifySyntax: true,
  minifyWhitespace: true,
  // Text of one byte for each character is half the memory, and is read faster.
  charset: 'ascii',
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
};

/** CommonJS packages inside modules ask for these. */
const commonJsNames = [
  "import { createRequire as packedRequire } from 'node:module';",
  "import { fileURLToPath as packedPath } from 'node:url';",
  'const require = packedRequire(import.meta.url);',
  "const __filename = packedPath(import.meta.url), __dirname = packedPath(new URL('.', import.meta.url));",
].join('');

/** The native package is not packed. It is core's: looked for from there. */
const nativeFromCore = {
  name: 'native-from-core',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^bsdiff-node$/ }, () => ({ path: 'bsdiff-node', namespace: 'native' }));
    onLoad({ filter: /.*/, namespace: 'native' }, () => ({
      contents:
        "import { createRequire } from 'node:module';" +
        "export default createRequire(import.meta.resolve('@remendo/core/publish'))('bsdiff-node');",
    }));
  },
};

/** @returns esbuild's metafile of the command. */
export async function packCommand(folder = join(here, 'dist/packed')) {
  // Parts are named by what is in them: those of an earlier build would stay.
  await rm(folder, { recursive: true, force: true });
  const modules = { ...common, format: 'esm', outdir: folder, banner: { js: commonJsNames } };
  await build({ ...modules, entryPoints: workers });
  const { metafile } = await build({
    ...modules,
    entryPoints: { remendo: main },
    splitting: true,
    // Beside each other: threads' programs are looked for from the part that starts them.
    chunkNames: '[name]-[hash]',
    plugins: [nativeFromCore],
  });
  return metafile;
}

/** CommonJS does not say by itself where the program lies. */
const ownUrl = {
  define: { 'import.meta.url': 'ownUrl' },
  banner: { js: "const ownUrl = require('node:url').pathToFileURL(__filename).href;" },
};

/** What would lie beside the program lies in it, as an asset of the same name. */
const carriedWorkers = {
  name: 'carried-workers',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]workers[\\/]url-worker-loader\.js$/ }, () => ({
      contents: `
        import { getAsset } from 'node:sea';
        import { Worker } from 'node:worker_threads';
        const folder = new URL('.', import.meta.url).href;
        export const urlWorkerLoader = ({ href }) => ({
          start: (options) => new Worker(getAsset(href.slice(folder.length), 'utf8'), { ...options, eval: true }),
        });`,
    }));
  },
};

/** Large, and only for some commands: assets of their own, so that a start does not read through them. By who depends on them. */
const libraries = {
  '@googleapis/sheets': here,
  'bonjour-service': here,
  fastify: here,
  nodemailer: here,
  openpgp: join(here, '../core'),
};

const carriedLibraries = {
  name: 'carried-libraries',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[^./]/ }, ({ path }) => (path in libraries ? { path, namespace: 'carried' } : null));
    onLoad({ filter: /.*/, namespace: 'carried' }, ({ path }) => ({
      contents: `
        const { getAsset } = require('node:sea');
        const { compileFunction } = require('node:vm');
        const names = ['require', 'module', 'exports', '__filename', '__dirname'];
        const run = compileFunction(getAsset('${path}.js', 'utf8'), names, { filename: '${path}.js' });
        run(require, module, module.exports, __filename, __dirname);`,
    }));
  },
};

const libraryFile = ([name, folder]) => [name, createRequire(join(folder, 'package.json')).resolve(name)];

/**
 * One CommonJS text for the command, and one for each program of its threads and each large library, with nothing outside but
 * Node's own modules.
 * @returns the texts by name, and the folders of all packages that something in them is of, ours left out.
 */
export async function packForExecutable() {
  const script = { ...common, ...ownUrl, format: 'cjs', write: false, external: ['bsdiff-node'], outdir: '/' };
  const packed = await Promise.all([
    build({ ...script, entryPoints: { remendo: main }, plugins: [carriedWorkers, carriedLibraries] }),
    build({ ...script, entryPoints: { ...workers, ...Object.fromEntries(Object.entries(libraries).map(libraryFile)) } }),
  ]);
  const files = packed.flatMap(({ metafile }) => Object.keys(metafile.inputs));
  const packages = files
    .map((file) => /.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0])
    .filter((folder) => folder !== undefined);
  return {
    texts: Object.fromEntries(packed.flatMap(({ outputFiles }) => outputFiles.map(({ path, text }) => [path.slice(1), text]))),
    packages: [...new Set(packages)].map((folder) => join(common.absWorkingDir, folder)),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await packCommand();
