/**
 * Names of codecs: what a terminal announces, a delta's index names and a plan is made for. A codec with transforms has
 * one name for each set of them, so that a terminal without one of them is never offered a patch that needs it.
 */
import { type TransformName, transformNames } from './remendo/patch-header.js';

/** By their numbers in a delta's index, from 0; only added to. Transforms in the order of their own numbers. */
export const codecNames = [
  'bsdiff40',
  'remendo',
  'remendo+containers',
  'remendo+references',
  'remendo+containers+references',
] as const;
export type CodecName = (typeof codecNames)[number];

/** What terminals know that announce nothing. Never added to. */
export const unannouncedCodecs: readonly CodecName[] = ['bsdiff40', 'remendo'];

export const isCodecName = (name: string): name is CodecName => (codecNames as readonly string[]).includes(name);

/** The codec of a `remendo` patch with these transforms, in whatever order. */
export function codecNameOf(transforms: readonly TransformName[]): CodecName {
  const name = ['remendo', ...transformNames.filter((transform) => transforms.includes(transform))].join('+');
  return name as CodecName;
}

/** The transforms that patches of a codec may have. */
export const transformsOf = (name: CodecName): readonly TransformName[] =>
  transformNames.filter((transform) => name.split('+').includes(transform));
