import { describe, expect, it } from 'vitest';
import { findChecksum } from './parse-checksums.js';

const hex = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const other = 'f'.repeat(64);
const found = (text: string | Buffer, name = 'db.zip', isOfOneFile = false) =>
  findChecksum(Buffer.from(text), name, isOfOneFile)?.hex;

describe('a checksum is found', () => {
  it.each([
    ['as sha256sum writes it', `${other}  a.zip\n${hex}  db.zip\n`],
    ['of a binary file', `${hex} *db.zip\n`],
    ['in the form of BSD', `SHA256 (db.zip) = ${hex}\n`],
    ['in capitals and with the line ends of Windows', `${hex.toUpperCase()}  db.zip\r\n`],
    ['with a path before the name', `${hex}  ./daily/db.zip\n`],
    ['with a path of Windows before the name', `${hex} *D:\\Backup\\db.zip\r\n`],
    ['as OpenSSL writes it', `SHA2-256(db.zip)= ${hex}\n`],
    ['with a mark at the beginning', `\ufeff${hex}  db.zip\n`],
  ])('%s', (_what, text) => {
    expect(found(text)).toBe(hex);
  });

  it.each([
    ['alone', hex],
    ['of certutil', `SHA256 hash of file db.zip:\r\n${hex}\r\nCertUtil: -hashfile command completed successfully.\r\n`],
    [
      'of certutil in German, before Windows 8',
      `SHA256-Hash der Datei db.zip:\r\n${hex.replace(/../g, '$& ').trim()}\r\nCertUtil: fertig.\r\n`,
    ],
    [
      'of Get-FileHash',
      `\r\nAlgorithm       Hash\r\n---------       ----\r\nSHA256          ${hex.toUpperCase()}       D:\\db.zip\r\n`,
    ],
    ['of Get-FileHash as a list', `\r\nAlgorithm : SHA256\r\nHash      : ${hex.toUpperCase()}\r\nPath      : D:\\db.zip\r\n`],
    ['in UTF-16, as PowerShell redirects', Buffer.from(`\ufeff${hex}\r\n`, 'utf16le')],
    ['of the name that the file had before', `${hex}  db-before.zip\n`],
  ])('in a file of its own: %s', (_what, text) => {
    expect(found(text, 'db.zip', true)).toBe(hex);
  });

  it('of a file whose name could be digits of it', () => {
    expect(found(`${other}  20260102\n${hex}  20260101\n`, '20260101')).toBe(hex);
  });

  it('with a line feed in the name, which GNU escapes', () => {
    expect(found(`\\${hex}  d\\nb\\\\.zip\n`, 'd\nb\\.zip')).toBe(hex);
  });

  it('whichever way an accent is written', () => {
    expect(found(`${hex}  cópia.zip`.normalize('NFD'), 'cópia.zip'.normalize('NFC'))).toBe(hex);
  });

  it('by its length', () => {
    for (const [length, algorithm] of [
      [32, 'md5'],
      [40, 'sha1'],
      [64, 'sha256'],
      [128, 'sha512'],
    ] as const)
      expect(findChecksum(Buffer.from(`${'a'.repeat(length)}  db.zip`), 'db.zip', false)?.algorithm).toBe(algorithm);
  });
});

describe('no checksum is found', () => {
  it.each([
    ['in a list that does not name the file', `${hex}  a.zip\n`],
    ['in a list with a longer name', `${hex}  old-db.zip\n`],
    ['of no known length', `${'a'.repeat(50)}  db.zip\n`],
    ['in text', 'not found'],
    ['in nothing', ''],
  ])('%s', (_what, text) => {
    expect(found(text)).toBeUndefined();
  });

  it('where a file of its own holds several of other files', () => {
    expect(found(`${hex}  a.zip\n${other}  b.zip\n`, 'db.zip', true)).toBeUndefined();
  });
});
