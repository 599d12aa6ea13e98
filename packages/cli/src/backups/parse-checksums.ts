/**
 * Checksum files as people have them: `sha256sum` (also `-b`, `--tag`, and escaped names), `openssl dgst`, a bare digest, `certutil
 * -hashfile` in any language of Windows, and `Get-FileHash` as a table or a list. In UTF-8 or, as PowerShell writes, in UTF-16.
 */
export type SumAlgorithm = 'md5' | 'sha1' | 'sha256' | 'sha512';

export interface Checksum {
  readonly algorithm: SumAlgorithm;
  /** In lower-case hex. */
  readonly hex: string;
}

const algorithmOfLength: Readonly<Record<number, SumAlgorithm>> = { 32: 'md5', 40: 'sha1', 64: 'sha256', 128: 'sha512' };

/**
 * The checksum of one file. A digest without a name is that of the file which the checksum file lies beside.
 * @param fileName without folders. @param isOfOneFile whether the checksum file is named after that file.
 * @returns null when there is none.
 */
export function findChecksum(bytes: Uint8Array, fileName: string, isOfOneFile: boolean): Checksum | null {
  const found = textOf(bytes)
    .split(/\r\n|\r|\n/)
    .flatMap(parseLine);
  const named = found.find(({ name }) => name !== null && sameName(name, fileName));
  if (named !== undefined || !isOfOneFile) return named ?? null;
  // A file that was renamed takes its checksum along, with the name it had before.
  const only = found.filter(({ hex }) => hex !== '');
  return only.length === 1 ? (only[0] ?? null) : null;
}

interface NamedChecksum extends Checksum {
  readonly name: string | null;
}

const textOf = (bytes: Uint8Array): string => {
  const [a, b] = bytes;
  if (a === 0xff && b === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (a === 0xfe && b === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  return new TextDecoder('utf-8').decode(bytes);
};

function parseLine(line: string): readonly NamedChecksum[] {
  const text = line.trim();
  const tagged = /^\\?(?:MD5|SHA-?1|SHA-?256|SHA-?512|SHA2-256|SHA2-512) ?\((.*)\) ?= ?([0-9a-f]{32,128})$/i.exec(text);
  if (tagged !== null) return checksum(tagged[2] ?? '', nameOf(tagged[1] ?? '', text.startsWith('\\')));
  const listed = /^(\\?)([0-9a-f]{32,128})(?: [ *]?|\t)(.+)$/i.exec(text);
  if (listed !== null) return checksum(listed[2] ?? '', nameOf(listed[3] ?? '', listed[1] !== ''));
  const fileHash = /^(?:MD5|SHA1|SHA256|SHA512|Hash\s*:)\s+([0-9a-f]{32,128})(?:\s+(.+))?$/i.exec(text);
  if (fileHash !== null) return checksum(fileHash[1] ?? '', fileHash[2] ?? null);
  // certutil put spaces between the bytes before Windows 8.
  return /^[0-9a-f ]{32,191}$/i.test(text) ? checksum(text.replaceAll(' ', ''), null) : [];
}

function checksum(digits: string, name: string | null): readonly NamedChecksum[] {
  const algorithm = algorithmOfLength[digits.length];
  return algorithm === undefined ? [] : [{ algorithm, hex: digits.toLowerCase(), name }];
}

/** GNU: a line that begins with a backslash has `\n`, `\r` and `\\` in its name. */
const nameOf = (text: string, isEscaped: boolean): string =>
  isEscaped ? text.replace(/\\([nr\\])/g, (_, letter: string) => (letter === 'n' ? '\n' : letter === 'r' ? '\r' : '\\')) : text;

/** Whatever folder it was made in. */
function sameName(name: string, fileName: string): boolean {
  const wanted = fileName.normalize('NFC');
  const last = name.replace(/^.*[/\\]/s, '').normalize('NFC');
  return name === fileName || last === wanted || (process.platform === 'win32' && last.toLowerCase() === wanted.toLowerCase());
}
