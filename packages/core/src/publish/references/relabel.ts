/**
 * Programs as the matcher should see them: each word that leads somewhere holds where that is in the target, in the base as
 * it is predicted, so that code that only moved looks the same.
 */
import { findReferences } from '../../patch/references/find-references.js';
import { FoundReferences } from '../../patch/references/found-references.js';
import { type Image, type Images, switchedAt } from '../../patch/references/images.js';
import { noPlace, type ReferencePredictor } from '../../patch/references/reference-predictor.js';
import { RelocatedWords } from '../../patch/references/relocated-words.js';
import { fieldNumbers, forms, isNumber, readWord, wordFor, writeWord } from '../../patch/references/word-forms.js';

/** Rewrites the images in `all`; `original` is the same before. */
export function relabel(
  all: Uint8Array,
  original: Uint8Array,
  { images, predictor, baseBytes }: { readonly images: Images; readonly predictor: ReferencePredictor; readonly baseBytes: number },
): void {
  for (const [imageIndex, image] of images.bases.entries()) {
    const target = images.targets[imageIndex];
    if (target === undefined) continue;
    const into = { image: target, imageIndex };
    relabelImage(all, original, {
      image,
      imageBase: target.imageBase,
      leadsToOf: (leadsTo) => {
        const place = predictor.placeOf({ image, imageIndex }, leadsTo, into);
        return place === noPlace ? leadsTo : place;
      },
      numberOf: (counted) => predictor.numberOf({ image, imageIndex }, counted, into),
    });
  }
  for (const image of images.targets)
    relabelImage(all.subarray(baseBytes), original.subarray(baseBytes), {
      image,
      imageBase: image.imageBase,
      leadsToOf: (leadsTo) => leadsTo,
      // In the target it is what it will be.
      numberOf: () => noPlace,
    });
}

interface Relabelled {
  readonly image: Image;
  /** Of the target. */
  readonly imageBase: number;
  readonly leadsToOf: (leadsTo: number) => number;
  /** Of what is counted; `noPlace` where it stays as it is. */
  readonly numberOf: (counted: { readonly leadsTo: number; readonly space: number }) => number;
}

function relabelImage(into: Uint8Array, from: Uint8Array, { image, imageBase, leadsToOf, numberOf }: Relabelled): void {
  const relocated = relocatedOf(image, from);
  const found = new FoundReferences();
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
  for (const region of image.regions) {
    for (let offset = 0; offset < region.bytes; ) {
      const { isOn, until } = switchedAt(region, offset);
      const end = Math.min(region.bytes, until);
      if (isOn) {
        const address = region.address + offset;
        const bytes = from.subarray(address, region.address + end);
        found.clear();
        findReferences({ image, region, bytes, offset }, found);
        const all = relocated.merge({ image, address, bytes }, found);
        for (let index = 0; index < all.count; index++) {
          // What is an address as it stands stays so in the target, whether it was taken for one or not.
          const form = all.form[index] as number;
          const added = form === forms.absolute ? imageBase : 0;
          const wordAt = address + (all.at[index] as number);
          const field = fieldNumbers[form] as number;
          const raw = readWord(view, wordAt, field);
          const leadsTo = all.leadsTo[index] as number;
          const to = isNumber(form) ? numberOf({ leadsTo, space: found.bias[index] as number }) : leadsToOf(leadsTo) + added;
          if (to !== noPlace) writeWord(view, wordAt, field, wordFor(field, to, raw));
        }
      }
      offset = end;
    }
  }
}

function relocatedOf(image: Image, from: Uint8Array): RelocatedWords {
  const { relocations } = image;
  if (relocations === null) return new RelocatedWords([]);
  return new RelocatedWords([{ image, bytes: from.subarray(relocations.address, relocations.address + relocations.bytes) }]);
}
