import { constants, crc32, deflateRawSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { type ByteSource, bufferSource } from '../bytes/byte-source.js';
import { isUpdaterError } from '../errors.js';
import { limits } from '../limits.js';
import { buildZip, type ZipEntrySpec, type ZipSpec } from '../testing/zip-builder.js';
import { openZip } from './read-zip.js';

/** Everything in a zip, as text by path. */
async function contents(source: ByteSource): Promise<Record<string, string>> {
  const zip = await openZip(source);
  try {
    const read: Record<string, string> = {};
    for (const entry of zip.entries) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of entry.read()) chunks.push(chunk);
      read[entry.path] = Buffer.concat(chunks).toString();
      expect(Buffer.concat(chunks).length).toBe(entry.bytes);
      await entry.encodedOffset();
    }
    return read;
  } finally {
    zip.close();
  }
}

/** `accepted`, or the code and the message. */
async function verdict(bytes: Uint8Array): Promise<string> {
  try {
    await contents(bufferSource(bytes));
    return 'accepted';
  } catch (error) {
    if (!isUpdaterError(error)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

const text = 'hello hello hello hello\n';

describe('a zip is read', () => {
  const plain: ZipEntrySpec = { name: 'a.txt', content: text };
  const readable: readonly (readonly [what: string, entries: readonly ZipEntrySpec[], spec?: ZipSpec])[] = [
    ['with a deflated file', [plain]],
    ['with a stored file', [{ ...plain, method: 0 }]],
    [
      'with sizes in a data descriptor',
      [
        { ...plain, descriptor: true },
        { name: 'b', content: 'b', descriptor: true },
      ],
    ],
    ['with sizes in zip64 fields', [{ ...plain, zip64: true }]],
    ['with zip64 end records', [plain], { zip64: true }],
    ['with a comment of 65,535 bytes', [plain], { comment: Buffer.alloc(65_535, 'c') }],
    ['with something in front of it that offsets count', [plain], { before: Buffer.alloc(1_000) }],
    [
      'with folders',
      [
        { name: 'd/', method: 0, mode: 0o040755 },
        { ...plain, name: 'd/a.txt' },
      ],
    ],
    ['made on Windows', [{ ...plain, madeOn: 0, mode: 0 }]],
    ['with a name in code page 437', [{ ...plain, name: Uint8Array.of(0x61, 0x87, 0x2e, 0x74, 0x78, 0x74) }]],
    [
      'with an empty file',
      [
        { name: 'empty', content: '' },
        { name: 'empty2', content: '', method: 0 },
      ],
    ],
    [
      'with an extra field that is not known and a comment',
      [{ ...plain, extra: Buffer.from([9, 9, 2, 0, 1, 1]), comment: Buffer.from('hi') }],
    ],
    ['with no files', []],
  ];
  for (const [what, entries, spec] of readable) {
    it(what, async () => {
      expect(await verdict(buildZip(entries, spec))).toBe('accepted');
    });
  }

  it('as fflate writes it', async () => {
    const files = { 'a.txt': Buffer.from('a'), 'd/ação.txt': Buffer.from(text.repeat(1_000)) };
    expect(await contents(bufferSource(zipSync(files)))).toEqual({ 'a.txt': 'a', 'd/ação.txt': text.repeat(1_000) });
  });

  it('with the executable bit where the system that made it has one', async () => {
    const modes = [0o100755, 0o100644, 0o100700, 0o755];
    const entries = [
      ...modes.map((mode, index) => ({ name: `unix${index}`, mode })),
      { name: 'mac', mode: 0o100755, madeOn: 19 },
      { name: 'windows', mode: 0o100755, madeOn: 0 },
    ];
    const zip = await openZip(bufferSource(buildZip(entries)));
    expect(zip.entries.map((entry) => entry.executable)).toEqual([true, false, true, true, true, false]);
    zip.close();
  });

  it('where it says its encoded bytes lie', async () => {
    const bytes = buildZip([
      { name: 'a', content: 'stored', method: 0 },
      { name: 'b', content: text },
    ]);
    const zip = await openZip(bufferSource(bytes));
    const encoded = await Promise.all(
      zip.entries.map(async (entry) => Buffer.from(bytes.subarray(await entry.encodedOffset())).subarray(0, entry.encodedBytes)),
    );
    zip.close();
    expect([encoded[0]?.toString(), encoded[1]?.equals(deflateRawSync(text))]).toEqual(['stored', true]);
  });

  it('several entries at a time', async () => {
    const entries = Array.from({ length: 200 }, (_, index) => ({ name: `f${index}`, content: `${index} `.repeat(2_000) }));
    const zip = await openZip(bufferSource(buildZip(entries)));
    const sizes = await Promise.all(
      zip.entries.map(async (entry) => {
        let bytes = 0;
        for await (const chunk of entry.read()) bytes += chunk.length;
        return bytes === entry.bytes;
      }),
    );
    zip.close();
    expect(sizes).not.toContain(false);
  });
});

describe('a zip is refused', () => {
  const refused = 'MANIFEST_PATH_UNSAFE';
  it.each<readonly [name: string | Uint8Array, reason: RegExp]>([
    ['../evil', /it has the segment \.\./],
    ['a/../../evil', /it has the segment \.\./],
    ['/etc/passwd', /it is absolute/],
    ['..\\evil', /reserved character/],
    ['C:/evil', /reserved character ":"/],
    ['C:evil', /reserved character ":"/],
    ['\\\\server\\share', /reserved character/],
    ['a\0b', /reserved character/],
    ['nul.txt', /device name/],
    ['a.txt:stream', /reserved character ":"/],
    ['trailing.', /ends in a dot/],
    ['REMEND~1/journal', /short name/],
    ['ação'.normalize('NFD'), /not in Unicode form NFC/],
    ['../d/', /it has the segment \.\./],
    ['//', /it is absolute/],
    ['', /it is empty/],
  ])('for the name %j', async (name, reason) => {
    const told = await verdict(buildZip([{ name, content: name.at(-1) === '/' ? '' : 'x' }]));
    expect(told).toMatch(reason);
    expect(told.startsWith(refused)).toBe(true);
  });

  it('for a name that an extra field spells otherwise than its header', async () => {
    const plain = Buffer.from('harmless');
    const unicode = Buffer.from('../evil');
    const data = Buffer.alloc(5 + unicode.length);
    data.writeUInt8(1, 0);
    data.writeUInt32LE(crc32(plain), 1);
    unicode.copy(data, 5);
    const extra = Buffer.concat([Buffer.from([0x75, 0x70, data.length, 0]), data]);
    expect(await verdict(buildZip([{ name: plain, content: 'x', extra }]))).toMatch(/^MANIFEST_PATH_UNSAFE: "\.\.\/evil"/);
  });

  it('for a name of malformed UTF-8', async () => {
    expect(await verdict(buildZip([{ name: Uint8Array.of(0x61, 0xff), flags: 0x0800 }]))).toMatch(
      /^MANIFEST_PATH_UNSAFE: .*invisible/,
    );
  });

  const x = { content: 'x' };
  it.each<readonly [what: string, entries: readonly ZipEntrySpec[], verdict: RegExp]>([
    ['a link', [{ name: 'a', content: '/etc/passwd', mode: 0o120777 }], /^MANIFEST_PATH_UNSAFE: "a" is refused: it is a link/],
    ['a link made on a Mac', [{ name: 'a', content: '/etc', mode: 0o120777, madeOn: 19 }], /^MANIFEST_PATH_UNSAFE/],
    ['a device', [{ name: 'a', mode: 0o020666 }], /^MANIFEST_PATH_UNSAFE: "a" is refused: it is a link or a device/],
    ['a pipe', [{ name: 'a', mode: 0o010666 }], /^MANIFEST_PATH_UNSAFE/],
    ['an encrypted file', [{ name: 'a', ...x, flags: 0x0801 }], /^ARTIFACT_INVALID: a is encrypted/],
    ['strong encryption', [{ name: 'a', ...x, flags: 0x0840 }], /^ARTIFACT_INVALID/],
    ['masked headers', [{ name: 'a', ...x, flags: 0x2800 }], /^ARTIFACT_INVALID: a is encrypted/],
    ['patched data', [{ name: 'a', ...x, flags: 0x0820 }], /^ARTIFACT_INVALID: a is encrypted or a patch/],
    ...[1, 9, 12, 14, 93, 95, 98, 99, 65_535].map(
      (method) => [`method ${method}`, [{ name: 'a', ...x, method }], /^ARTIFACT_INVALID: a is compressed by method/] as const,
    ),
    ['a folder with contents', [{ name: 'd/', ...x }], /^ARTIFACT_INVALID: a folder in the zip has contents/],
    // two entries, one file
    [
      'a name twice',
      [
        { name: 'a', ...x },
        { name: 'a', ...x },
      ],
      /^MANIFEST_PATH_UNSAFE: "a" is refused: it collides/,
    ],
    [
      'a name twice but for case',
      [
        { name: 'a', ...x },
        { name: 'A', ...x },
      ],
      /^MANIFEST_PATH_UNSAFE: "A" is refused: it collides/,
    ],
    [
      'folders but for case',
      [
        { name: 'd/a', ...x },
        { name: 'D/b', ...x },
      ],
      /^MANIFEST_PATH_UNSAFE: "D\/b" is refused/,
    ],
    [
      'a file below a file',
      [
        { name: 'a', ...x },
        { name: 'a/b', ...x },
      ],
      /^MANIFEST_PATH_UNSAFE: "a\/b" is refused/,
    ],
    // sizes
    ['fewer bytes than there are', [{ name: 'a', content: text, bytes: 10 }], /^ARTIFACT_INVALID: a has more than the 10 bytes/],
    ['no bytes where there are some', [{ name: 'a', content: text, bytes: 0 }], /^ARTIFACT_INVALID: a has more than the 0 bytes/],
    ['more bytes than there are', [{ name: 'a', content: text, bytes: 100 }], /^ARTIFACT_INVALID: a has 24 of the 100 bytes/],
    ['a stored file of two sizes', [{ name: 'a', content: text, method: 0, bytes: 10 }], /^ARTIFACT_INVALID/],
    [
      'more encoded bytes than there are',
      [{ name: 'a', content: text, encodedBytes: 10_000 }],
      /^ARTIFACT_INVALID: a has a damaged header or lies outside/,
    ],
    [
      'fewer encoded bytes than there are',
      [{ name: 'a', content: text, encodedBytes: 3 }],
      /^ARTIFACT_INVALID: a is damaged in the zip/,
    ],
    ['a file larger than any may be', [{ name: 'a', ...x, zip64: true, bytes: limits.fileBytesMax + 1 }], /^LIMIT_EXCEEDED/],
    [
      'files larger together than a release may be',
      Array.from({ length: 5 }, (_, index) => ({ name: `${index}`, zip64: true, bytes: limits.fileBytesMax })),
      /^LIMIT_EXCEEDED: the files of the zip are larger/,
    ],
    ['a size above 2^53', [{ name: 'a', ...x, zip64: true, bytes: 2 ** 60 }], /^LIMIT_EXCEEDED/],
    // contents
    ['another CRC-32', [{ name: 'a', content: text, crc32: 1 }], /^ARTIFACT_INVALID: a does not have the CRC-32 it declares/],
    ['another CRC-32 of nothing', [{ name: 'a', content: '', crc32: 1 }], /^ARTIFACT_INVALID: a does not have the CRC-32/],
    ['a stored file with a changed byte', [{ name: 'a', content: 'abc', method: 0, encoded: Buffer.from('abd') }], /CRC-32/],
    [
      'what is not deflate',
      [{ name: 'a', content: text, encoded: Buffer.from('nonsense') }],
      /^ARTIFACT_INVALID: a is damaged in the zip/,
    ],
    [
      'deflate that ends too early',
      [{ name: 'a', content: text, encoded: deflateRawSync(text).subarray(0, 5) }],
      /^ARTIFACT_INVALID: a is damaged/,
    ],
    // places
    [
      'entries on the same bytes',
      [
        { name: 'a', content: text },
        { name: 'b', content: text, ghost: true, localOffset: 0 },
      ],
      /^ARTIFACT_INVALID: b overlaps another entry/,
    ],
    [
      'entries that overlap by some bytes',
      [
        { name: 'a', content: text.repeat(9), method: 0 },
        { name: 'b', content: text, localOffset: 100 },
      ],
      /^ARTIFACT_INVALID: b overlaps another entry/,
    ],
    ['an entry in the directory', [{ name: 'a', ...x, localOffset: 40 }], /^ARTIFACT_INVALID: a has a damaged header/],
    [
      'an entry after the end',
      [{ name: 'a', ...x, localOffset: 100_000 }],
      /^ARTIFACT_INVALID: a has a damaged header or lies outside/,
    ],
    [
      'an entry far after the end',
      [{ name: 'a', ...x, zip64: true, localOffset: 2 ** 52 }],
      /^ARTIFACT_INVALID: a has a damaged header/,
    ],
    ['an extra field that is cut', [{ name: 'a', ...x, extra: Buffer.from([1, 0, 99, 0, 1]) }], /^ARTIFACT_INVALID/],
  ])('for %s', async (_, entries, expected) => expect(await verdict(buildZip(entries))).toMatch(expected));

  it.each<readonly [what: string, spec: ZipSpec, verdict: RegExp]>([
    ['a directory beyond the end', { directoryOffset: 1_000_000 }, /^ARTIFACT_INVALID/],
    ['a directory far beyond the end', { zip64: true, directoryOffset: 2 ** 53 - 1 }, /^ARTIFACT_INVALID/],
    ['a directory that is none', { directoryOffset: 3 }, /^ARTIFACT_INVALID/],
    ['more entries than there are', { entryCount: 9 }, /^ARTIFACT_INVALID/],
    ['more entries than are allowed', { zip64: true, entryCount: limits.zipEntriesMax + 1 }, /^LIMIT_EXCEEDED: a zip has at most/],
    ['entries without number', { zip64: true, entryCount: Number.MAX_SAFE_INTEGER }, /^LIMIT_EXCEEDED/],
    ['several disks', { diskNumber: 1 }, /^ARTIFACT_INVALID/],
    ['an end record in its comment', { comment: Buffer.from(buildZip([])) }, /^ARTIFACT_INVALID|^accepted/],
  ])('for %s', async (_, spec, expected) => {
    expect(await verdict(buildZip([{ name: 'a', content: text }], spec))).toMatch(expected);
  });

  it.each(['', 'PK', 'this is not a zip', '<!doctype html>'])('for being %j', async (bytes) => {
    expect(await verdict(Buffer.from(bytes))).toMatch(/^ARTIFACT_INVALID: this is not a zip/);
  });

  it('wherever it is cut', async () => {
    const whole = buildZip([
      { name: 'a', content: text },
      { name: 'b', content: text, method: 0 },
    ]);
    for (let length = 0; length < whole.length; length++) {
      expect(await verdict(whole.subarray(0, length))).toMatch(/^ARTIFACT_INVALID/);
    }
  });

  it('for bytes after its end', async () => {
    expect(await verdict(Buffer.concat([buildZip([{ name: 'a', content: text }]), Buffer.alloc(10)]))).toMatch(/^ARTIFACT_INVALID/);
  });
});

describe('a zip bomb', () => {
  it('of a gibibyte that declares ten bytes gives none of them', async () => {
    // A full flush forgets what was before: the piece can be repeated. 03 00 is the empty last block.
    const piece = deflateRawSync(new Uint8Array(4 * 1024 * 1024), { finishFlush: constants.Z_FULL_FLUSH });
    const encoded = Buffer.concat([...Array.from({ length: 256 }, () => piece), Buffer.from([3, 0])]);
    const zip = await openZip(bufferSource(buildZip([{ name: 'bomb', encoded, bytes: 10 }])));
    let bytes = 0;
    const read = async (): Promise<void> => {
      for await (const chunk of zip.entries[0]?.read() ?? []) bytes += chunk.length;
    };
    await expect(read()).rejects.toMatchObject({
      code: 'ARTIFACT_INVALID',
      message: 'bomb has more than the 10 bytes it declares',
    });
    zip.close();
    expect(bytes).toBeLessThanOrEqual(10);
  });

  it('can be left in the middle', async () => {
    const zip = await openZip(bufferSource(buildZip([{ name: 'big', content: new Uint8Array(20_000_000) }])));
    for await (const chunk of zip.entries[0]?.read() ?? []) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    const abort = new AbortController();
    const read = async (): Promise<void> => {
      for await (const _ of zip.entries[0]?.read(abort.signal) ?? []) abort.abort(new Error('enough'));
    };
    await expect(read()).rejects.toThrow('enough');
    zip.close();
  });
});

it('an error of the source passes through', async () => {
  const good = buildZip([{ name: 'a', content: text.repeat(100_000), method: 0 }]);
  const broken: ByteSource = {
    bytes: good.length,
    read: (offset, into) =>
      offset > 0 && offset < 300_000 ? Promise.reject(new Error('the disk is gone')) : bufferSource(good).read(offset, into),
  };
  await expect(contents(broken)).rejects.toMatchObject({ code: 'ARTIFACT_INVALID', cause: { message: 'the disk is gone' } });
});
