/** Fuzz target of contents that come whole: as they are, deflated or by brotli. */
import { brotliCompressSync, deflateRawSync } from 'node:zlib';
import { encodingNames } from '../../delta/delta.js';
import { withFile } from '../../file-system/file-source.js';
import { digestOf } from '../../hash/digest.js';
import { deriveContents } from '../../workers/derive-contents.js';
import { prose } from '../container-samples.js';
import { MemoryFileSystem } from '../memory-file-system.js';
import type { FuzzTarget } from './fuzz-target.js';

/** One that is inflated at once, one that is too large for that, nothing. */
const contents = [prose(3_000, 1), prose(300_000, 2), new Uint8Array()];

/** The input is the numbers of an encoding and of a content, and the blob. What is made is that content or nothing. */
export const fuzzWhole: FuzzTarget = {
  name: 'whole-content',
  async run(bytes) {
    const content = contents[(bytes[1] ?? 0) % contents.length] ?? new Uint8Array();
    const encoding = encodingNames[(bytes[0] ?? 0) % encodingNames.length] ?? 'identity';
    const blob = bytes.subarray(2);
    const fileSystem = new MemoryFileSystem({ capacityBytes: blob.length + content.length + 64 });
    await fileSystem.makeDirectory('/staging');
    await withFile(fileSystem, '/staging/blob', { mode: 'create' }, (handle) => handle.write(0, blob));
    await deriveContents(fileSystem, {
      how: { kind: 'whole', encoding },
      blob: { path: '/staging/blob', offset: 0, bytes: blob.length, sha256: digestOf(blob) },
      bases: [],
      targets: [{ path: '/staging/target', bytes: content.length, sha256: digestOf(content) }],
    });
  },
  seeds: async () =>
    contents.flatMap((content, number) =>
      encodingNames.map((encoding, index) => {
        const blob =
          encoding === 'brotli' ? brotliCompressSync(content) : encoding === 'deflate' ? deflateRawSync(content) : content;
        return Buffer.concat([Buffer.of(index, number), blob]);
      }),
    ),
};
