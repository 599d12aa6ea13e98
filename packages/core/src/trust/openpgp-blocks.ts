/** Files of OpenPGP packets, binary or in ASCII armor (RFC 9580, section 6), as their packets; nothing is believed yet. */
import { UpdaterError } from '../errors.js';

/** What people have in files or forms: bytes of either form, or armored text. */
export type OpenPgpFile = Uint8Array | string;

export type OpenPgpBlock =
  | { readonly kind: 'binary'; readonly bytes: Uint8Array }
  | { readonly kind: 'armored'; readonly text: string };

interface BlockOptions {
  /** Armor of any other type is refused: a signed or encrypted message is not taken for what may lie in it. */
  readonly type: 'SIGNATURE' | 'PUBLIC KEY BLOCK';
  readonly bytesMax: number;
  readonly blocksMax: number;
}

/**
 * The blocks of a file: one of packets, or several of armor, one after the other.
 * @throws UpdaterError LIMIT_EXCEEDED; or an Error that says what is wrong with it.
 */
export function splitBlocks(file: OpenPgpFile, options: BlockOptions): readonly OpenPgpBlock[] {
  const bytes = typeof file === 'string' ? new TextEncoder().encode(file) : file;
  if (bytes.length === 0) throw new Error('it is empty');
  if (bytes.length > options.bytesMax)
    throw new UpdaterError('LIMIT_EXCEEDED', `an OpenPGP file may have at most ${options.bytesMax} bytes`, {
      details: { bytes: bytes.length, bytesMax: options.bytesMax },
    });
  if (isBinary(bytes)) return [{ kind: 'binary', bytes }];
  return armoredBlocks(new TextDecoder().decode(bytes), options);
}

/** Every packet begins with a byte that has its highest bit set, which ASCII has not; so does a byte order mark. */
const isBinary = ([first = 0, second, third]: Uint8Array): boolean =>
  first >= 0x80 && !(first === 0xef && second === 0xbb && third === 0xbf);

function armoredBlocks(text: string, { type, blocksMax }: BlockOptions): readonly OpenPgpBlock[] {
  const heads = text.match(/^-----BEGIN .*$/gm) ?? [];
  if (heads.length === 0) throw new Error('it is neither OpenPGP packets nor in ASCII armor');
  if (heads.length > blocksMax) throw new Error(`it has more than ${blocksMax} blocks`);
  const other = heads.find((head) => head.trim() !== `-----BEGIN PGP ${type}-----`);
  if (other !== undefined) throw new Error(`it holds something else than a PGP ${type}: ${other.trim().slice(0, 60)}`);
  const whole = text.match(new RegExp(`^-----BEGIN PGP ${type}-----[^]*?^-----END PGP ${type}-----`, 'gm')) ?? [];
  if (whole.length !== heads.length) throw new Error('it has been cut off');
  return whole.map((block) => ({ kind: 'armored', text: block }));
}
