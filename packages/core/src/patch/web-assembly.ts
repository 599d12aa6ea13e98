/** WebAssembly as Node has it; the types come with browser libraries only. */
interface WebAssemblyGlobal {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
}

/** A kernel, compiled when the first instance is wanted; `Exports` is what its source exports. */
export function kernelOf<Exports>(base64: string): () => Exports {
  const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: WebAssemblyGlobal };
  let module: object | null = null;
  return () => {
    module ??= new WebAssembly.Module(Buffer.from(base64, 'base64'));
    return new WebAssembly.Instance(module, {}).exports as Exports;
  };
}

/** The kernel's own memory; its buffer is another after it has grown. */
export interface KernelMemory {
  readonly buffer: ArrayBuffer;
}
