/**
 * A program as PyInstaller freezes it, from the layout that its documentation tells ("CArchive", "ZlibArchive"): behind an
 * executable lie entries, some compressed by zlib, one of them an archive of modules that are compressed each by itself; then a
 * table of contents and a cookie.
 */
import { usualDeflate, zlibOf } from './container-samples.js';
import { joined } from './remendo-samples.js';

/** PyInstaller compresses at level 9. */
const frozenDeflate = { ...usualDeflate, level: 9 };

export interface PythonModule {
  readonly name: string;
  readonly code: Uint8Array;
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

function bigEndian(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setUint32(index * 4, value);
  return bytes;
}

/** Modules one after the other, and where they are; the table's coding is simpler than Python's own. */
function moduleArchive(modules: readonly PythonModule[]): Uint8Array {
  const head = joined([text('PYZ\0'), Uint8Array.of(0xcb, 0x0d, 0x0d, 0x0a)]);
  const coded = modules.map(({ code }) => zlibOf(code, frozenDeflate));
  let offset = head.length + 4;
  const table = modules.map(({ name }, index) => {
    const length = coded[index]?.length ?? 0;
    offset += length;
    return joined([text(name), bigEndian(offset - length, length)]);
  });
  return joined([head, bigEndian(offset), ...coded, ...table]);
}

/** @param stub the executable in front. */
export function frozenPython(stub: Uint8Array, script: Uint8Array, modules: readonly PythonModule[]): Uint8Array {
  const entries = [
    { name: 'main', kind: 's', plainBytes: script.length, stored: zlibOf(script, frozenDeflate), isCompressed: true },
    { name: 'PYZ-00.pyz', kind: 'z', plainBytes: 0, stored: moduleArchive(modules), isCompressed: false },
  ];
  let offset = 0;
  const rows = entries.map(({ name, kind, plainBytes, stored, isCompressed }) => {
    const label = text(`${name}${'\0'.repeat(16 - (name.length % 16))}`);
    const row = joined([
      bigEndian(18 + label.length, offset, stored.length, plainBytes === 0 ? stored.length : plainBytes),
      Uint8Array.of(Number(isCompressed), kind.charCodeAt(0)),
      label,
    ]);
    offset += stored.length;
    return row;
  });
  const table = joined(rows);
  const library = text(`python311.dll${'\0'.repeat(64 - 13)}`);
  const cookie = joined([
    text('MEI'),
    Uint8Array.of(0o14, 0o13, 0o12, 0o13, 0o16),
    bigEndian(offset + table.length + 88, offset, table.length, 311),
    library,
  ]);
  return joined([stub, ...entries.map(({ stored }) => stored), table, cookie]);
}
