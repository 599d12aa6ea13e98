/** The derivations in a delta index: what is small and regular first, then all digests side by side, which do not compress. */
import { type ByteReader, BytesMalformed } from '../bytes/byte-reader.js';
import type { ByteWriter } from '../bytes/byte-writer.js';
import { UpdaterError } from '../errors.js';
import { type Digest, digestFromBytes, digestToBytes } from '../hash/digest.js';
import { limits } from '../limits.js';
import { type CodecName, codecNames } from '../patch/codec-name.js';
import { type Blob, type Content, type DeltaObject, type EncodingName, encodingNames } from './delta.js';
import { NumberRun, readMany, readSigned, writeSigned } from './index-numbers.js';

/** A blob with its object by position in `DeltaIndex.objects`. */
export interface IndexBlob extends Omit<Blob, 'object'> {
  readonly object: number;
}

export type IndexDerivation =
  | { readonly kind: 'whole'; readonly encoding: EncodingName; readonly target: Content; readonly blob: IndexBlob }
  | {
      readonly kind: 'patch';
      readonly codec: CodecName;
      readonly bases: readonly number[];
      readonly targets: readonly Content[];
      readonly blob: IndexBlob;
    };

const patchKind = 16;
/** Of a whole content: five numbers and two digests. */
const derivationBytesMin = 69;
const targetBytesMin = 33;

export function writeDerivations(writer: ByteWriter, derivations: readonly IndexDerivation[]): void {
  writer.varint(derivations.length);
  const ends = new Map<number, number>();
  const bases = new NumberRun();
  for (const derivation of derivations) {
    if (derivation.kind === 'whole') writer.u8(encodingNames.indexOf(derivation.encoding)).varint(derivation.target.bytes);
    else {
      writer.u8(patchKind + codecNames.indexOf(derivation.codec)).varint(derivation.bases.length);
      for (const base of derivation.bases) bases.write(writer, base);
      writer.varint(derivation.targets.length);
      for (const { bytes } of derivation.targets) writer.varint(bytes);
    }
    const { object, offset, bytes } = derivation.blob;
    writer.varint(object);
    writeSigned(writer, offset - (ends.get(object) ?? 0));
    writer.varint(bytes);
    ends.set(object, offset + bytes);
  }
  for (const derivation of derivations) {
    for (const { sha256 } of targetsOf(derivation)) writer.bytes(digestToBytes(sha256));
    writer.bytes(digestToBytes(derivation.blob.sha256));
  }
}

const targetsOf = (derivation: IndexDerivation): readonly Content[] =>
  derivation.kind === 'whole' ? [derivation.target] : derivation.targets;

export interface ReadContext {
  readonly objects: readonly DeltaObject[];
  readonly baseContents: number;
}

/** @returns them, and how many contents there are with theirs. */
export function readDerivations(reader: ByteReader, context: ReadContext) {
  const numbers = new DerivationNumbers(reader, context);
  const read = readMany(reader, { max: limits.deltaDerivationsMax, bytesEach: derivationBytesMin }, () => numbers.read());
  const digest = (): Digest => digestFromBytes(reader.take(32));
  const derivations = read.map((one): IndexDerivation => {
    const targets = one.targetBytes.map((bytes): Content => ({ sha256: digest(), bytes }));
    const blob = { ...one.blob, sha256: digest() };
    const [target] = targets;
    if (one.how.kind === 'whole' && target !== undefined) return { ...one.how, target, blob };
    if (one.how.kind === 'patch') return { ...one.how, bases: one.bases, targets, blob };
    throw new BytesMalformed('a derivation without a target');
  });
  return { derivations, contents: numbers.contents };
}

/** Derivations without their digests. */
class DerivationNumbers {
  contents: number;
  #references = 0;
  readonly #ends = new Map<number, number>();
  readonly #bases = new NumberRun();

  constructor(
    private readonly reader: ByteReader,
    private readonly context: ReadContext,
  ) {
    this.contents = context.baseContents;
  }

  read() {
    const { reader } = this;
    const how = howOf(reader.u8());
    const isPatch = how.kind === 'patch';
    const bases = isPatch
      ? readMany(reader, { max: limits.patchBasesMax, bytesEach: 1 }, () => this.#bases.read(reader, this.contents))
      : [];
    const bytes = (): number => reader.index(limits.fileBytesMax + 1);
    const targetBytes = isPatch ? readMany(reader, { max: limits.patchTargetsMax, bytesEach: targetBytesMin }, bytes) : [bytes()];
    if (targetBytes.length === 0) throw new BytesMalformed('a patch without a target');
    this.#references += isPatch ? bases.length + targetBytes.length : 0;
    if (this.#references > limits.deltaReferencesMax) throw new BytesMalformed('derivations name too many contents');
    this.contents += targetBytes.length;
    return { how, bases, targetBytes, blob: this.#blob() };
  }

  #blob(): Omit<IndexBlob, 'sha256'> {
    const { objects } = this.context;
    const object = this.reader.index(objects.length);
    const offset = (this.#ends.get(object) ?? 0) + readSigned(this.reader);
    const bytes = this.reader.varint();
    const end = offset + bytes;
    if (offset < 0 || !(end <= (objects[object]?.bytes ?? 0))) throw new BytesMalformed('a blob lies outside its object');
    this.#ends.set(object, end);
    return { object, offset, bytes };
  }
}

function howOf(kind: number) {
  const encoding = encodingNames[kind];
  if (encoding !== undefined) return { kind: 'whole' as const, encoding };
  const codec = codecNames[kind - patchKind];
  if (codec !== undefined) return { kind: 'patch' as const, codec };
  if (kind < patchKind) throw new BytesMalformed(`derivation kind ${kind} is not known`);
  throw new UpdaterError(
    'PATCH_CODEC_UNKNOWN',
    `The delta has patches of codec ${kind - patchKind}: it is newer than this program.`,
    {
      details: { codec: `number ${kind - patchKind}`, known: codecNames },
    },
  );
}
