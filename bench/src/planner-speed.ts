/**
 * How long the planner takes for a large update: 20,000 contents that all change in each of six releases, patches between
 * every two of them, every content stored whole. Once with one object per delta, once with one object per blob, once
 * with small files patched in groups.
 */
import { createHash } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import {
  type Content,
  type DeltaObject,
  type DeltaRecipe,
  type Derivation,
  type Digest,
  type PlanInput,
  planUpdate,
} from '@remendo/core';
import { Bench } from 'tinybench';

const graphShapes = ['packed', 'separate', 'grouped'] as const;
type GraphShape = (typeof graphShapes)[number];

const digestOf = (name: string): Digest => createHash('sha256').update(name).digest('hex') as Digest;

/** Blob sizes that vary without chance: 60 to some 40,000 bytes. */
const blobBytes = (file: number, base: number, target: number): number => {
  const spread = (file * 2_654_435_761 + base * 40_503 + target * 65_599) >>> 8;
  return 60 + (spread % (spread % 7 === 0 ? 40_000 : 3_000));
};

class Objects {
  readonly #ends = new Map<string, { digest: Digest; bytes: number }>();

  place(name: string, bytes: number): Derivation['blob'] {
    const object = this.#ends.get(name) ?? { digest: digestOf(name), bytes: 0 };
    this.#ends.set(name, object);
    const offset = object.bytes;
    object.bytes += bytes;
    return { object: object.digest, offset, bytes, sha256: object.digest };
  }

  all(): readonly DeltaObject[] {
    return [...this.#ends.values()];
  }
}

/** A planner's input of that many files and releases. */
function largeUpdate(shape: GraphShape, files: number, releases: number): PlanInput {
  const objects = new Objects();
  const contents = Array.from({ length: releases }, (_, release) =>
    Array.from({ length: files }, (_, file): Content => ({ sha256: digestOf(`${file}@${release}`), bytes: 100_000 })),
  );
  const deltas: DeltaRecipe[] = [];
  for (let base = 0; base < releases; base += 1) {
    for (let target = base + 1; target < releases; target += 1) {
      const derivations = patches(contents[base] ?? [], contents[target] ?? [], shape === 'grouped' ? 50 : 1, (file, bytes) =>
        objects.place(
          shape === 'separate' ? `patch ${base} ${target} ${file}` : `delta ${base} ${target}`,
          bytes * (target - base),
        ),
      );
      deltas.push({ base: `1.0.${base}`, target: `1.0.${target}`, derivations });
    }
  }
  const wholes = contents.flatMap((row, release) =>
    row.map((target, file): Derivation => {
      const blob = objects.place(
        shape === 'separate' ? `whole ${release} ${file}` : `contents ${release}`,
        4 * blobBytes(file, 9, release),
      );
      return { kind: 'whole', target, encoding: 'brotli', blob };
    }),
  );
  return {
    held: new Set((contents[0] ?? []).map((content) => content.sha256)),
    wanted: contents.at(-1) ?? [],
    derivations: [...deltas.flatMap((delta) => delta.derivations), ...wholes],
    objects: objects.all(),
    deltas,
    baseRelease: '1.0.0',
    targetRelease: `1.0.${releases - 1}`,
    zip: { digest: digestOf('zip'), bytes: files * 30_000 },
  };
}

type Place = (file: number, bytes: number) => Derivation['blob'];

function patches(bases: readonly Content[], targets: readonly Content[], group: number, place: Place): readonly Derivation[] {
  const made: Derivation[] = [];
  for (let first = 0; first < targets.length; first += group) {
    const bytes = blobBytes(first, bases.length, made.length) * Math.ceil(group / 2);
    const blob = place(first, bytes);
    made.push({
      kind: 'patch',
      codec: 'bsdiff40',
      bases: bases.slice(first, first + group),
      targets: targets.slice(first, first + group),
      blob,
    });
  }
  return made;
}

/** Prints one row per shape. */
async function planSpeed(files: number, releases: number, iterations: number): Promise<void> {
  const bench = new Bench({ iterations, time: 0, warmup: false });
  for (const shape of graphShapes) {
    const input = largeUpdate(shape, files, releases);
    const { plans } = planUpdate(input);
    console.log(
      `${shape}: ${input.derivations.length} derivations; ${plans.map((plan) => `${plan.label} ${plan.cost.costBytes}`).join(', ')}`,
    );
    bench.add(`plan ${files} contents, ${releases} releases, ${shape}`, () => {
      planUpdate(input);
    });
  }
  await bench.run();
  console.table(bench.table());
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await planSpeed(20_000, 6, 5);
