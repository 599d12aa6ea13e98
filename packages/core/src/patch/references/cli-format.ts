/**
 * What a .NET program's metadata counts, as it stands in a patch: 0 when the program has none; else 1 and, of all the
 * numbers that describe it (`numbersOf`), those that differ from the numbers of the like program on the other side, or from 0:
 * how many, and for each how many places it is after the one before, and by how much it differs.
 */
import { type ByteReader, BytesMalformed } from '../../bytes/byte-reader.js';
import type { ByteWriter } from '../../bytes/byte-writer.js';
import { tableCount } from './cli-schema.js';
import { buildCli, type Cli, type CliLayout } from './cli-spaces.js';
import { fromZigzag, zigzag } from './zigzag.js';

const heapCount = 4;
/** Which heaps are wide; where the tables begin; of each heap its place and its bytes; how many rows each table has. */
const numbersOf = ({ wideHeaps, memory, heaps, rows }: CliLayout): readonly number[] => [
  wideHeaps,
  memory,
  ...heaps.flatMap((heap) => [heap.memory, heap.bytes]),
  ...rows,
];
const rowsStart = 2 + heapCount * 2;
const numbersCount = rowsStart + tableCount;
const limitOf = (index: number): number => (index === 0 ? 8 : index < rowsStart ? 2 ** 32 : 2 ** 24);

const likeNumbers = (like: Cli | undefined): readonly number[] =>
  like === undefined ? new Array<number>(numbersCount).fill(0) : numbersOf(like.layout);

export function encodeCli(writer: ByteWriter, cli: Cli | undefined, like: Cli | undefined): void {
  writer.varint(Number(cli !== undefined));
  if (cli === undefined) return;
  const before = likeNumbers(like);
  const differences = numbersOf(cli.layout).map((number, index) => number - (before[index] as number));
  const differing = differences.flatMap((difference, index) => (difference === 0 ? [] : [index]));
  writer.varint(differing.length);
  let last = -1;
  for (const index of differing) {
    writer.varint(index - last - 1).varint(zigzag(differences[index] as number));
    last = index;
  }
}

/** @throws BytesMalformed. */
export function decodeCli(reader: ByteReader, like: Cli | undefined): Cli | undefined {
  if (reader.index(2) === 0) return undefined;
  const numbers = [...likeNumbers(like)];
  let index = -1;
  for (let left = reader.count(numbersCount, 2); left > 0; left--) {
    index += 1 + reader.index(numbersCount - 1 - index);
    const number = (numbers[index] as number) + fromZigzag(reader.varint());
    if (number < 0 || number >= limitOf(index)) throw new BytesMalformed(`number ${index} of metadata is ${number}`);
    numbers[index] = number;
  }
  return buildCli(layoutOf(numbers));
}

function layoutOf([wideHeaps = 0, memory = 0, ...others]: readonly number[]): CliLayout {
  const heaps = Array.from({ length: heapCount }, (_, heap) => ({
    memory: others[heap * 2] as number,
    bytes: others[heap * 2 + 1] as number,
  }));
  return { wideHeaps, memory, heaps, rows: others.slice(heapCount * 2) };
}
