/**
 * How V8 spends memory in this program, from its first moment: to be imported before anything else. A terminal has little of it, and
 * what V8 does to be fast for long is for programs that compute: here threads do that, each with limits of its own.
 *
 * - Room for young objects grows to 16 MiB, and as much again to copy them to: a third of what an update took. It stays at what it is
 *   at the start, 1 MiB: most of them are of a download, and are gone at once.
 * - `fetch` reads answers with a parser in WebAssembly, one large function, which V8 compiles a second time, for speed, as soon as an
 *   answer has come: 28 MiB for a moment, for some hundred bytes of headers in each answer. It is left as it was compiled first.
 *   Kernels, and whatever else is compiled, are made as fast as ever.
 *
 * V8 says on the error output when it does not know a flag, and goes on.
 */
import { setFlagsFromString } from 'node:v8';

interface Compiler {
  compile: (...args: readonly unknown[]) => Promise<unknown>;
}

const keepYoungSpace = (): void => setFlagsFromString('--semi-space-growth-factor=1');
keepYoungSpace();
// The start of a thread's heap sets it back, for all heaps.
process.on('worker', (worker) => worker.once('online', keepYoungSpace));

const { WebAssembly: compiler } = globalThis as unknown as { readonly WebAssembly: Compiler };
const { compile } = compiler;

// Of this program only fetch compiles by a promise. Whether a module is ever compiled for speed is settled while it is compiled;
// without the first flag one that should not be would be at once.
setFlagsFromString('--no-wasm-tier-up');
compiler.compile = async (...args) => {
  setFlagsFromString('--no-wasm-dynamic-tiering');
  try {
    return await compile(...args);
  } finally {
    setFlagsFromString('--wasm-dynamic-tiering');
  }
};
