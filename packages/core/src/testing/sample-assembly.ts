/**
 * A .NET program small enough to be understood, for tests: methods that call members, both by their names, each member of a
 * type of its own that it also takes; the tables Module, TypeRef, MethodDef and MemberRef, in the only section of a PE file.
 */

export interface SampleAssembly {
  /** Of what is called, in the order of their rows. */
  readonly members: readonly string[];
  /** By method: its name and which members it calls, at most twelve. */
  readonly methods: readonly { readonly name: string; readonly calls: readonly string[] }[];
}

export const sampleSection = { address: 0x200, memory: 0x2000 } as const;
export const sampleHeader = { memory: sampleSection.memory, bytes: 72 } as const;
const codeMemory = sampleHeader.memory + sampleHeader.bytes;

const u16 = (...values: readonly number[]): Buffer => Buffer.from(Uint16Array.from(values).buffer);
const u32 = (...values: readonly number[]): Buffer => Buffer.from(Uint32Array.from(values).buffer);

export function buildAssembly({ members, methods }: SampleAssembly): Uint8Array {
  const bodies = methods.map(({ calls }) => {
    const code = calls.flatMap((name) => [Buffer.of(0x28), u32(0x0a00_0001 + members.indexOf(name))]);
    return Buffer.concat([Buffer.of((calls.length * 5 + 1) * 4 + 2), ...code, Buffer.of(0x2a)]);
  });
  const metadata = buildMetadata({ members, methods }, bodies);
  const code = Buffer.concat(bodies);
  const header = Buffer.alloc(sampleHeader.bytes);
  u32(72, 0x5_0002, codeMemory + code.length, metadata.length, 1).copy(header);
  const section = Buffer.concat([header, code, metadata]);
  return new Uint8Array(Buffer.concat([buildPe(section.length), section]));
}

function buildMetadata({ members, methods }: SampleAssembly, bodies: readonly Buffer[]): Buffer {
  let strings = '\0';
  const placeOf = (name: string): number => {
    strings += `${name}\0`;
    return strings.length - name.length - 1;
  };
  let memory = codeMemory;
  const rows = [u16(0, placeOf('sample.dll'), 1, 0, 0)];
  const namespace = placeOf('Sample');
  for (const name of members) rows.push(u16(0, placeOf(`Of${name}`), namespace));
  for (const [index, { name }] of methods.entries()) {
    rows.push(u32(memory), u16(0, 0x96, placeOf(name), 1, 1));
    memory += bodies[index]?.length ?? 0;
  }
  let blobs = Buffer.of(0, 3, 0, 0, 1);
  for (const [index, name] of members.entries()) {
    rows.push(u16(((index + 1) << 3) | 1, placeOf(name), blobs.length));
    blobs = Buffer.concat([blobs, signatureWith(index + 1)]);
  }
  const present = 0b100_0100_0011;
  const counts = u32(1, members.length, methods.length, members.length);
  return joinStreams([
    ['#~', Buffer.concat([u32(0), Buffer.of(2, 0, 0, 1), u32(present, 0, 0, 0), counts, ...rows])],
    ['#Strings', Buffer.from(strings)],
    ['#GUID', Buffer.alloc(16, 7)],
    ['#Blob', blobs],
  ]);
}

/** Of a method that takes an object of the type with this number and returns nothing. */
function signatureWith(type: number): Buffer {
  const token = (type << 2) | 1;
  const compressed = token < 128 ? [token] : [0x80 | (token >> 8), token & 255];
  return Buffer.of(4 + compressed.length, 0x20, 1, 1, 0x12, ...compressed);
}

function joinStreams(streams: readonly (readonly [string, Buffer])[]): Buffer {
  const padded = (name: string): Buffer => Buffer.from(name.padEnd(name.length + 4 - (name.length % 4), '\0'));
  const root = Buffer.concat([u32(0x424a_5342), u16(1, 1), u32(0, 4), Buffer.from('v4\0\0'), u16(0, streams.length)]);
  let at = root.length + streams.reduce((sum, [name]) => sum + 8 + padded(name).length, 0);
  const heads = streams.map(([name, bytes]) => {
    at += bytes.length;
    return Buffer.concat([u32(at - bytes.length, bytes.length), padded(name)]);
  });
  return Buffer.concat([root, ...heads, ...streams.map(([, bytes]) => bytes)]);
}

/** The headers of a PE file with one section. */
function buildPe(sectionBytes: number): Buffer {
  const headers = Buffer.alloc(sampleSection.address);
  const optional = 0x98;
  const optionalBytes = 224;
  u16(0x5a4d).copy(headers);
  u32(0x80).copy(headers, 0x3c);
  u32(0x4550).copy(headers, 0x80);
  u16(0x14c, 1).copy(headers, 0x84);
  u16(optionalBytes).copy(headers, 0x94);
  u16(0x10b).copy(headers, optional);
  u32(sampleHeader.memory, sampleHeader.bytes).copy(headers, optional + 96 + 14 * 8);
  const section = optional + optionalBytes;
  headers.write('.text', section);
  u32(sectionBytes, sampleSection.memory, sectionBytes, sampleSection.address).copy(headers, section + 8);
  u32(0x6000_0020).copy(headers, section + 36);
  return headers;
}
