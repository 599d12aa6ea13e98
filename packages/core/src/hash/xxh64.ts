/**
 * xxHash64: the fast first look at whether a file may be the one in the manifest. It decides nothing that matters:
 * a difference proves damage cheaply, equality is always confirmed by SHA-256.
 */
import xxhash, { type XXHashAPI } from 'xxhash-wasm';

/** 16 lower-case hex digits, most significant first, seed 0. */
export type Xxh64 = string;

let loading: Promise<XXHashAPI> | undefined;

/** Fed in pieces: hashing a whole buffer at once would copy it into WebAssembly memory. */
export async function createXxh64(): Promise<{ update(chunk: Uint8Array): void; digest(): Xxh64 }> {
  loading ??= xxhash();
  const hash = (await loading).create64();
  return {
    update(chunk) {
      for (let offset = 0; offset < chunk.length; offset += 65_536) hash.update(chunk.subarray(offset, offset + 65_536));
    },
    digest: () => hash.digest().toString(16).padStart(16, '0'),
  };
}
