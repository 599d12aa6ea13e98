/**
 * The CRC-32 of bzip2: polynomial 0x04c11db7, most significant bit first, not the reflected one of zip. Four tables
 * take four bytes a step; what is expanded from long runs makes this a hot loop.
 */
const polynomial = 0x04c11db7;

function buildTables(): Int32Array {
  const tables = new Int32Array(4 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ polynomial : crc << 1;
    tables[byte] = crc;
  }
  // Table k holds what a byte does to the register k more bytes later.
  for (let index = 256; index < tables.length; index++) {
    const previous = tables[index - 256] as number;
    tables[index] = (previous << 8) ^ (tables[previous >>> 24] as number);
  }
  return tables;
}

const tables = buildTables();

/** The register before the first byte; a finished CRC is the register's complement. */
export const bzip2CrcStart = -1;

/** The register after `bytes`. */
export function bzip2CrcUpdate(register: number, bytes: Uint8Array): number {
  let crc = register | 0;
  let at = 0;
  for (const end = bytes.length - 3; at < end; at += 4) {
    crc ^=
      ((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number);
    crc =
      (tables[768 + (crc >>> 24)] as number) ^
      (tables[512 + ((crc >>> 16) & 255)] as number) ^
      (tables[256 + ((crc >>> 8) & 255)] as number) ^
      (tables[crc & 255] as number);
  }
  for (; at < bytes.length; at++) crc = (crc << 8) ^ (tables[(crc >>> 24) ^ (bytes[at] as number)] as number);
  return crc;
}

/** The CRC of a whole stream so far: rotated by one and mixed with the next block's. */
export const bzip2CrcCombine = (streamCrc: number, blockCrc: number): number => ((streamCrc << 1) | (streamCrc >>> 31)) ^ blockCrc;
