/** A patch's list of streams, from trees of streams. */
import type { CodedTargetStream, ContainersData, StreamForm } from '../../patch/containers/containers-data.js';
import type { StreamNode } from './stream-tree.js';

export interface PlacedNode {
  readonly node: StreamNode;
  readonly depth: number;
  readonly gap: number;
}

/** Each before those inside it, with its gap. */
export function flat(nodes: readonly StreamNode[], depth = 1, first = 0): PlacedNode[] {
  const placed: PlacedNode[] = [];
  let since = -first;
  for (const node of nodes) {
    placed.push({ node, depth, gap: node.start - since });
    for (const inner of flat(node.children, depth + 1, node.corrections?.length ?? 0)) placed.push(inner);
    since = node.end;
  }
  return placed;
}

export function codedStreams(
  base: readonly PlacedNode[],
  target: readonly PlacedNode[],
): Pick<ContainersData, 'base' | 'forms' | 'target'> {
  const forms = new Forms();
  const likeness = new Likeness(base);
  const coded = target.map(({ node, depth, gap }): CodedTargetStream => {
    const like = likeness.of(node, depth);
    const gapMore = gap - (base[like]?.gap ?? 0);
    const viewBytesMore = node.viewBytes - (base[like]?.node.viewBytes ?? 0);
    return { depth, form: forms.indexOf(node), like, correctionsBytes: node.corrections?.length ?? 0, gapMore, viewBytesMore };
  });
  return { base: base.map(({ node, depth, gap }) => ({ depth, kind: node.kind, gap })), forms: forms.all, target: coded };
}

class Forms {
  readonly all: StreamForm[] = [];
  readonly #indexes = new Map<string, number>();

  indexOf({ form }: StreamNode): number {
    if (form === null) throw new RangeError('a target’s stream has no form');
    const key = JSON.stringify([form.kind, form.deflate?.variant, form.deflate?.level, form.deflate?.memLevel, form.chunkBytes]);
    const known = this.#indexes.get(key);
    if (known !== undefined) return known;
    this.#indexes.set(key, this.all.length);
    return this.all.push(form) - 1;
  }
}

/** Which stream of the bases one of the targets is taken to be: the one of its name, or else the next. */
class Likeness {
  readonly #byName = new Map<string, number[]>();
  #expected = 0;

  constructor(private readonly base: readonly PlacedNode[]) {
    for (const [index, { node, depth }] of base.entries()) {
      if (node.name === '') continue;
      const key = `${depth}/${node.name}`;
      const indexes = this.#byName.get(key);
      if (indexes === undefined) this.#byName.set(key, [index]);
      else indexes.push(index);
    }
  }

  of({ name }: StreamNode, depth: number): number {
    const named = this.#byName.get(`${depth}/${name}`) ?? [];
    const like = named.find((index) => index >= this.#expected) ?? named.at(-1) ?? this.#expected;
    this.#expected = Math.min(like + 1, this.base.length);
    return like;
  }
}
