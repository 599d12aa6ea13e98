/**
 * Detached OpenPGP signatures (RFC 9580) of a release's full zip, by keys that are pinned. Whatever does not verify, fails
 * or is not understood refuses; signatures by other keys beside a good one do not matter.
 *
 * A signature says who signed these bytes and when. It does not say which version they are: a `version.txt` inside the zip
 * does.
 */
import type { PublicKey, SignaturePacket } from 'openpgp';
import { type ByteSource, sourceChunks } from '../bytes/byte-source.js';
import { isUpdaterError, UpdaterError } from '../errors.js';
import { limits } from '../limits.js';
import { type OpenPgpBlock, type OpenPgpFile, splitBlocks } from './openpgp-blocks.js';
import { keyInfo, loadOpenPgp, type OpenPgpKeyInfo, parseOpenPgpKeys } from './openpgp-keys.js';

export interface OpenPgpClaim {
  /** Detached: armored (several blocks too) or binary. */
  readonly signature: OpenPgpFile;
  /** The pinned keys; their subkeys may sign. */
  readonly keys: OpenPgpFile;
  /** Milliseconds since 1970: keys and signatures have to be valid now. */
  readonly now: number;
}

export interface OpenPgpCheck extends OpenPgpClaim {
  /** Read once, from start to end, in pieces: an open handle that is then used. */
  readonly zip: ByteSource;
  readonly signal?: AbortSignal | undefined;
}

/** Who signed, in the words of the pinned key. */
export interface OpenPgpSigner extends OpenPgpKeyInfo {
  /** Of the primary key or the subkey that made the signature, upper-case hex. */
  readonly signingFingerprint: string;
  /** Milliseconds since 1970, as the signer's clock said. */
  readonly signedAtMs: number;
}

/** So much may the clocks of signer and terminal differ: a whole time zone, and more. */
const clockToleranceMs = 24 * 3_600_000;

/**
 * Verifies that a pinned key signed exactly these bytes. Memory does not grow with them.
 * @returns the first signer whose signature holds.
 * @throws UpdaterError TRUST_SIGNATURE_INVALID, TRUST_KEY_INVALID, LIMIT_EXCEEDED, what the source throws; the signal's reason.
 */
export async function verifyOpenPgpSignature({ zip, signal, ...claim }: OpenPgpCheck): Promise<OpenPgpSigner> {
  const candidates = await findCandidates(claim);
  const verdicts = await hashAndVerify({ zip, signal, candidates, date: dateOf(claim, candidates) });
  const good = verdicts.findIndex(({ status }) => status === 'fulfilled');
  const candidate = candidates[good];
  if (candidate !== undefined) return signerOf(candidate);
  throw refused(verdicts.map((verdict) => (verdict.status === 'rejected' ? reasonOf(verdict.reason) : '')));
}

/**
 * What can be told without the zip: that a signature is there which a pinned key, valid now, says to have made. For before
 * a large download; it proves nothing.
 * @throws UpdaterError as `verifyOpenPgpSignature`.
 */
export async function assertClaimedSignature(claim: OpenPgpClaim): Promise<void> {
  await findCandidates(claim);
}

/**
 * One form for all signatures that are kept.
 * @returns the signatures of a file in one armored block. @throws UpdaterError TRUST_SIGNATURE_INVALID, LIMIT_EXCEEDED.
 */
export async function armorOpenPgpSignature(signature: OpenPgpFile): Promise<string> {
  const packets = await parsePackets(signature);
  const { Signature, PacketList } = await loadOpenPgp();
  const list = new PacketList<SignaturePacket>();
  list.push(...packets);
  return new Signature(list).armor() as unknown as string;
}

interface Candidate {
  readonly packet: SignaturePacket;
  readonly key: PublicKey;
}

const refused = (reasons: readonly string[], cause?: unknown): UpdaterError =>
  new UpdaterError(
    'TRUST_SIGNATURE_INVALID',
    `no signature by one of the pinned keys holds: ${[...new Set(reasons)].join('; ')}`,
    cause === undefined ? {} : { cause },
  );

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The signatures that may hold; when there are none, why. */
async function findCandidates(claim: OpenPgpClaim): Promise<readonly Candidate[]> {
  const keys = await parseOpenPgpKeys(claim.keys);
  const candidates: Candidate[] = [];
  const reasons: string[] = [];
  for (const packet of await parsePackets(claim.signature)) {
    try {
      candidates.push({ packet, key: await pinnedKey(packet, keys, claim.now) });
    } catch (error) {
      reasons.push(reasonOf(error));
    }
  }
  if (candidates.length === 0) throw refused(reasons);
  return candidates;
}

async function parsePackets(signature: OpenPgpFile): Promise<readonly SignaturePacket[]> {
  const { signatureBytesMax: bytesMax, signaturesMax: blocksMax } = limits;
  try {
    const packets: SignaturePacket[] = [];
    for (const block of splitBlocks(signature, { type: 'SIGNATURE', bytesMax, blocksMax }))
      packets.push(...(await readBlock(block)));
    if (packets.length === 0) throw new Error('there is no signature in it');
    if (packets.length > blocksMax) throw new Error(`it has more than ${blocksMax} signatures`);
    return packets;
  } catch (cause) {
    if (isUpdaterError(cause)) throw cause;
    throw new UpdaterError('TRUST_SIGNATURE_INVALID', 'this is no detached OpenPGP signature', { cause });
  }
}

async function readBlock(block: OpenPgpBlock): Promise<readonly SignaturePacket[]> {
  const { readSignature, enums } = await loadOpenPgp();
  const { packets } =
    block.kind === 'binary'
      ? await readSignature({ binarySignature: block.bytes })
      : await readSignature({ armoredSignature: block.text });
  // Signatures of versions to come are kept as packets that nobody can read.
  return packets.filterByTag(enums.packet.signature) as SignaturePacket[];
}

/** The pinned key that made a signature by what it says. @throws Error that says why it can not hold. */
async function pinnedKey(packet: SignaturePacket, keys: readonly PublicKey[], now: number): Promise<PublicKey> {
  const { enums } = await loadOpenPgp();
  const { hash } = enums;
  const name = packet.issuerKeyID.toHex().toUpperCase();
  // Signatures of text hold for other line ends too, and so for other zips.
  if (packet.signatureType !== enums.signature.binary) throw new Error(`the signature by ${name} is not one of a binary file`);
  const strong = [hash.sha256, hash.sha384, hash.sha512, hash.sha3_256, hash.sha3_512];
  if (packet.hashAlgorithm === null || !strong.includes(packet.hashAlgorithm))
    throw new Error(`the signature by ${name} rests on a hash that is too weak or unknown`);
  const key = keys.find((one) => one.getKeys(packet.issuerKeyID).length > 0);
  if (key === undefined) throw new Error(`${name} is none of the pinned keys`);
  const signedAt = packet.created ?? new Date(Number.NaN);
  if (!(signedAt.getTime() <= now + clockToleranceMs))
    throw new Error(`the signature by ${name} was made in the future: is the clock of this machine right?`);
  const date = new Date(Math.max(now, signedAt.getTime()));
  await key.getSigningKey(packet.issuerKeyID, date, undefined, await strictConfig()).catch((cause) => {
    throw new Error(`the key ${name} can not be used: ${reasonOf(cause)}`, { cause });
  });
  return key;
}

/** What the library rejects by itself, whatever an application that uses it too has set. */
async function strictConfig() {
  const { config, enums } = await loadOpenPgp();
  const { md5, ripemd, sha1 } = enums.hash;
  return {
    ...config,
    minRSABits: 2_047,
    rejectHashAlgorithms: new Set([md5, ripemd]),
    rejectMessageHashAlgorithms: new Set([md5, ripemd, sha1]),
    rejectPublicKeyAlgorithms: new Set([enums.publicKey.elgamal, enums.publicKey.dsa]),
    rejectCurves: new Set([enums.curve.secp256k1]),
    allowMissingKeyFlags: false,
    allowInsecureVerificationWithReformattedKeys: false,
    knownNotations: [],
  };
}

/** Now; or the moment of a signature whose signer's clock is a little ahead. */
const dateOf = ({ now }: OpenPgpClaim, candidates: readonly Candidate[]): Date =>
  new Date(Math.max(now, ...candidates.map(({ packet }) => packet.created?.getTime() ?? 0)));

interface Hashing extends Pick<OpenPgpCheck, 'zip' | 'signal'> {
  readonly candidates: readonly Candidate[];
  readonly date: Date;
}

/** All candidates in one pass over the zip. */
async function hashAndVerify({ zip, signal, candidates, date }: Hashing): Promise<readonly PromiseSettledResult<unknown>[]> {
  const { verify, createMessage, Signature, PacketList } = await loadOpenPgp();
  const packets = new PacketList<SignaturePacket>();
  packets.push(...candidates.map(({ packet }) => packet));
  let failure: unknown;
  const chunks = async function* () {
    try {
      yield* sourceChunks(zip, { signal });
    } catch (error) {
      failure = error;
      throw error;
    }
  };
  try {
    const { data, signatures } = await verify({
      message: await createMessage({ binary: ReadableStream.from(chunks()) as never, format: 'binary' }),
      signature: new Signature(packets),
      verificationKeys: candidates.map(({ key }) => key),
      date,
      format: 'binary',
      config: await strictConfig(),
    });
    await drain(data as unknown as ReadableStream<Uint8Array>);
    return await Promise.allSettled(signatures.map(({ verified }) => verified));
  } catch (cause) {
    signal?.throwIfAborted();
    throw isUpdaterError(failure) ? failure : refused([reasonOf(cause)], cause);
  }
}

/** The hashes see what is read here, and no more than that waits in memory. */
async function drain(data: ReadableStream<Uint8Array>): Promise<void> {
  const reader = data.getReader();
  while (!(await reader.read()).done);
}

function signerOf({ packet, key }: Candidate): OpenPgpSigner {
  const [signing = key] = key.getKeys(packet.issuerKeyID);
  return {
    ...keyInfo(key),
    signingFingerprint: signing.getFingerprint().toUpperCase(),
    signedAtMs: packet.created?.getTime() ?? 0,
  };
}
