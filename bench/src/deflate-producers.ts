/** Compressors whose deflate streams are met in real files, as far as they are on this machine. */
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { deflateRawSync } from 'node:zlib';

export interface DeflateProducer {
  readonly name: string;
  /** One raw stream of the file's bytes; null when the producer stores the file instead. @throws ENOENT when it is not here. */
  make(path: string): Uint8Array | null;
}

const run = (command: string, ...args: readonly string[]): Buffer =>
  execFileSync(command, args, { maxBuffer: 2 ** 30, stdio: ['ignore', 'pipe', 'ignore'] });

/** The body of a gzip file with one member. */
function gzipBody(gzip: Buffer): Uint8Array {
  const hasName = ((gzip[3] ?? 0) & 8) !== 0;
  return gzip.subarray(hasName ? gzip.indexOf(0, 10) + 1 : 10, -8);
}

/** The stream of the entry in a zip file that has the most bytes; null when it is stored. */
function zipBody(zip: Buffer): Uint8Array | null {
  let body: Uint8Array | null = null;
  let plainBytesMax = -1;
  const end = zip.lastIndexOf('PK\x05\x06');
  for (let at = zip.readUInt32LE(end + 16); zip.readUInt32LE(at) === 0x02014b50; ) {
    const [method, bytes, plainBytes] = [zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 20), zip.readUInt32LE(at + 24)];
    const local = zip.readUInt32LE(at + 42);
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    if (
      plainBytes > plainBytesMax &&
      !zip
        .subarray(at + 46)
        .toString('latin1', 0, 8)
        .startsWith('META-INF')
    ) {
      plainBytesMax = plainBytes;
      body = method === 8 ? zip.subarray(start, start + bytes) : null;
    }
    at += 46 + zip.readUInt16LE(at + 28) + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return body;
}

/** Has a command write a zip file beside the plain one. */
function byZip(path: string, write: (zip: string) => void): Uint8Array | null {
  const zip = `${path}.zip`;
  try {
    write(zip);
    return zipBody(readFileSync(zip));
  } finally {
    rmSync(zip, { force: true });
  }
}

const pythonDeflate = `import sys, zlib
stream = zlib.compressobj(int(sys.argv[1]), 8, -15, int(sys.argv[2]))
sys.stdout.buffer.write(stream.compress(open(sys.argv[3], 'rb').read()) + stream.flush())`;
const pythonZip = `import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as made: made.write(sys.argv[2], 'plain')`;

const levels = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const atLevels = (name: string, make: (path: string, level: number) => Uint8Array | null, which = levels): DeflateProducer[] =>
  which.map((level) => ({ name: `${name} -${level}`, make: (path) => make(path, level) }));

export const deflateProducers: readonly DeflateProducer[] = [
  ...atLevels('gzip', (path, level) => gzipBody(run('gzip', '-nc', `-${level}`, path))),
  ...atLevels('Info-ZIP', (path, level) => byZip(path, (zip) => run('zip', '-qjX', `-${level}`, zip, path))),
  ...[8, 9].flatMap((memLevel) =>
    atLevels(`zlib (python) memLevel ${memLevel}`, (path, level) =>
      run('python3', '-c', pythonDeflate, `${level}`, `${memLevel}`, path),
    ),
  ),
  { name: 'python zipfile', make: (path) => byZip(path, (zip) => run('python3', '-c', pythonZip, zip, path)) },
  { name: 'JDK jar', make: (path) => byZip(path, (zip) => run('jar', 'cfM', zip, '-C', dirname(path), basename(path))) },
  ...atLevels('zlib (Node)', (path, level) => deflateRawSync(readFileSync(path), { level })),
  { name: 'pigz', make: (path) => gzipBody(run('pigz', '-nc', path)) },
  ...atLevels('libdeflate', (path, level) => gzipBody(run('libdeflate-gzip', '-c', `-${level}`, path)), [1, 3, 6, 9, 12]),
  ...atLevels(
    '7-Zip zip',
    (path, level) => byZip(path, (zip) => run('7z', 'a', '-tzip', `-mx${level}`, zip, path)),
    [1, 3, 5, 7, 9],
  ),
  { name: 'zopfli', make: (path) => gzipBody(run('zopfli', '--i5', '-c', path)) },
];
/** Producers of which there is none for this system, or none that a command starts. */
export const producersNotTried: readonly string[] = ['.NET (System.IO.Compression)', 'Windows Explorer', 'pako'];
