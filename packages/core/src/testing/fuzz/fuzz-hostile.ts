import type { HostileInput } from '../hostile/hostile-fixture.js';
import { hostileFixtures } from '../hostile/hostile-fixtures.js';

/** Larger ones would only be slow. */
const seedBytesMax = 8 * 1024;

let made: Promise<readonly HostileInput[]> | null = null;
/** Made when they are wanted first. Bombs are left out: what is near to one is one. */
const inputs = (): Promise<readonly HostileInput[]> => {
  made ??= Promise.all(hostileFixtures.filter(({ isBomb }) => !isBomb).map(async ({ input }) => input()));
  return made;
};

type InputOf<Kind extends HostileInput['kind']> = Extract<HostileInput, { readonly kind: Kind }>;

/** Seeds out of the hostile fixtures of a kind. */
export async function hostileSeeds<Kind extends HostileInput['kind']>(
  kind: Kind,
  seedOf: (input: InputOf<Kind>) => Uint8Array | null,
): Promise<readonly Uint8Array[]> {
  const seeds = (await inputs()).map((input) => (input.kind === kind ? seedOf(input as InputOf<Kind>) : null));
  return seeds.filter((seed) => seed !== null && seed.length <= seedBytesMax) as Uint8Array[];
}

/** Of patches: those whose codec begins so. */
export const hostilePatches = (codec: string): Promise<readonly Uint8Array[]> =>
  hostileSeeds('blob', ({ how, blob }) => (how.kind === 'patch' && how.codec.startsWith(codec) ? blob : null));
