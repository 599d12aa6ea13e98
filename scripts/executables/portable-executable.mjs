// The two things about Windows programs that the build has to know.

/** Offsets as in the PE format: of the header from the file's start, and of fields from the header. */
const headerOffsetAt = 0x3c;
const magicAt = 24;
const pe32Plus = 0x20b;
/** The fifth of the data directories: where the signature lies in the file (4 bytes), and its length. */
const signatureEntryAt = magicAt + 112 + 4 * 8;

/**
 * Takes the Authenticode signature of Node's makers off: it does not hold for what is made of the program. Their signature
 * is the last thing in the file.
 * @returns the program without it; sign it with your own certificate, where you have one.
 */
export function dropSignature(bytes) {
  const program = Buffer.from(bytes);
  const header = program.readUInt32LE(headerOffsetAt);
  if (program.toString('latin1', header, header + 4) !== 'PE\0\0' || program.readUInt16LE(header + magicAt) !== pe32Plus)
    throw new Error('this is no 64-bit program for Windows');
  const entry = header + signatureEntryAt;
  const [offset, length] = [program.readUInt32LE(entry), program.readUInt32LE(entry + 4)];
  if (length === 0) return program;
  if (offset + length !== program.length) throw new Error('the signature is not at the end of the program');
  program.fill(0, entry, entry + 8);
  return program.subarray(0, offset);
}
