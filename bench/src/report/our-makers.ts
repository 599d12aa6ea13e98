import { bsdiffPatchMaker, type PatchMaker, remendoPatchMaker } from '@remendo/core/publish';

/** By codec: what the report can make deltas with. */
const ourMakers = { remendo: remendoPatchMaker, bsdiff40: bsdiffPatchMaker } as const satisfies Record<string, () => PatchMaker>;

export type OurCodec = keyof typeof ourMakers;

/** What publishing uses where nothing else is asked for. */
export const defaultCodec: OurCodec = 'remendo';

/** @throws Error for another codec. */
export function parseCodec(name: string): OurCodec {
  if (name in ourMakers) return name as OurCodec;
  throw new Error(`there is no codec ${name}; there are ${Object.keys(ourMakers).join(', ')}`);
}

export const makerOf = (codec: OurCodec): PatchMaker => ourMakers[codec]();
