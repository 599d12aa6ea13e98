import { type Delta, digestOf, isCodecName } from '@remendo/core';
import { type HostileInput, hostileBaseVersion, hostileTargetVersion, manifestOf, releaseAround } from '@remendo/core/testing';

/** The delta in which this blob is to make the one content that changes; null for a codec that no delta can name. */
export async function deltaOfBlob({ how, base, target, blob }: HostileInput & { readonly kind: 'blob' }): Promise<Delta | null> {
  const contentOf = (bytes: Uint8Array) => ({ sha256: digestOf(bytes), bytes: bytes.length });
  const object = { digest: digestOf(blob), bytes: blob.length };
  const place = { object: object.digest, offset: 0, ...contentOf(blob) };
  const manifests = {
    base: await manifestOf(hostileBaseVersion, releaseAround(base)),
    target: await manifestOf(hostileTargetVersion, releaseAround(target)),
  };
  if (how.kind === 'whole') {
    const derivation = { kind: how.kind, encoding: how.encoding, target: contentOf(target), blob: place };
    return { ...manifests, objects: [object], derivations: [derivation] };
  }
  const { kind, codec } = how;
  if (!isCodecName(codec)) return null;
  const derivation = { kind, codec, bases: [contentOf(base)], targets: [contentOf(target)], blob: place };
  return { ...manifests, objects: [object], derivations: [derivation] };
}
