// Compiles the kernels (AssemblyScript) to WebAssembly and writes each as a TypeScript module with the bytes in base64, so
// that one bundled file carries them. Does nothing for kernels that are newer than their sources.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const core = join(dirname(fileURLToPath(import.meta.url)), '..');
const kernels = [
  { source: 'kernels/coder.ts', module: 'src/patch/remendo/coder-kernel.generated.ts' },
  { source: 'kernels/deflate.ts', module: 'src/patch/deflate/deflate-kernel.generated.ts' },
  { source: 'kernels/matcher.ts', module: 'src/publish/remendo/matcher-kernel.generated.ts' },
];
const options = ['--optimizeLevel', '3', '--runtime', 'stub', '--noAssert', '--use', 'abort=', '--maximumMemory', '65536', '--enable', 'simd'];

const changedMs = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);
/** Of everything here and the compiler's version: kernels share files. */
const inputs = [...readdirSync(join(core, 'kernels')).map((name) => join('kernels', name)), 'package.json'];
const newestInputMs = Math.max(...inputs.map((name) => changedMs(join(core, name))));
const stale = kernels.filter(({ module }) => newestInputMs > changedMs(join(core, module)));

/** The compiler is slow to load, so it is loaded only when there is something to compile. */
async function compile(source) {
  const { main } = await import('assemblyscript/asc');
  let wasm = null;
  const { error, stderr } = await main([source, '--baseDir', core, '--outFile', 'kernel.wasm', ...options], {
    readFile: (name, folder) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : null),
    writeFile: (_, contents) => {
      wasm = contents;
    },
  });
  if (error !== null || wasm === null) {
    console.error(`${source} was not compiled: ${error?.message ?? ''}\n${stderr.toString()}`);
    process.exit(1);
  }
  return Buffer.from(wasm);
}

for (const { source, module } of stale) {
  const wasm = await compile(source);
  const text = `// Made from ${source} by kernels/build.mjs.\nexport const kernelBase64 =\n  '${wasm.toString('base64')}';\n`;
  writeFileSync(join(core, module), text);
}
