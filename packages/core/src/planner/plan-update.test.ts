import { describe, expect, test } from 'vitest';
import type { Content, Derivation } from '../delta/delta.js';
import { type CodecName, unannouncedCodecs } from '../patch/codec-name.js';
import type { PlanChoice, PlanInput } from './plan.js';
import { planUpdate } from './plan-update.js';
import { contentNamed, digestNamed, ObjectPacker, patchOf, wholeOf } from './random-plan-input.test.support.js';

/** A small world of named contents and blobs of given bytes. */
class World {
  readonly packer = new ObjectPacker();
  readonly derivations: Derivation[] = [];
  #count = 0;

  patch(bases: string, targets: string, bytes: number, object?: string): Derivation {
    return this.#add((blob) => patchOf(contents(bases), contents(targets), blob), bytes, object);
  }

  whole(target: string, bytes: number, object?: string): Derivation {
    return this.#add((blob) => wholeOf(contentNamed(target), blob), bytes, object);
  }

  input(held: string, wanted: string, more: Partial<PlanInput> = {}): PlanInput {
    return {
      held: new Set(contents(held).map((content) => content.sha256)),
      wanted: contents(wanted),
      derivations: this.derivations,
      objects: this.packer.objects(),
      deltas: [],
      baseRelease: '1.0.0',
      targetRelease: '1.0.2',
      zip: { digest: digestNamed('zip'), bytes: 1_000_000 },
      ...more,
    };
  }

  #add(make: (blob: Derivation['blob']) => Derivation, bytes: number, object?: string): Derivation {
    this.#count += 1;
    const derivation = make(this.packer.place(object ?? `object ${this.#count}`, bytes));
    this.derivations.push(derivation);
    return derivation;
  }
}

const contents = (names: string): Content[] => names.split(' ').filter(Boolean).map(contentNamed);
const first = (choice: PlanChoice) => choice.plans[0];
const chosen = (choice: PlanChoice): readonly Derivation[] => {
  const plan = first(choice);
  return plan?.kind === 'delta' ? plan.derivations : [];
};

describe('nothing to do, nothing that can be done', () => {
  test('nothing wanted gives one plan that costs nothing, and the zip lost', () => {
    const choice = planUpdate(new World().input('a', ''));
    expect(choice.plans).toEqual([
      {
        kind: 'delta',
        label: 'index only',
        derivations: [],
        fetches: [],
        cost: { fetchBytes: 0, requests: 0, costBytes: 0 },
      },
    ]);
    expect(choice.losers.map((loser) => `${loser.label}: ${loser.reason}`)).toEqual([
      'full zip: 1,000,600 bytes dearer than index only',
    ]);
  });

  test('wanted contents that are all held are nothing to fetch, whatever their number', () => {
    expect(first(planUpdate(new World().input('a b', 'a b a')))?.cost.costBytes).toBe(0);
  });

  test('a content that nothing makes leaves the zip only, and says which content', () => {
    const world = new World();
    world.patch('a', 'b', 10);
    const choice = planUpdate(world.input('a', 'b c d'));
    expect(choice.plans.map((plan) => plan.kind)).toEqual(['zip']);
    const lacking = [digestNamed('c'), digestNamed('d')].toSorted()[0]?.slice(0, 12);
    expect(choice.losers.find((loser) => loser.label === 'contents')).toEqual({
      label: 'contents',
      cost: null,
      reason: `no derivation makes content ${lacking} and 1 more`,
    });
  });

  test('contents that only make each other are not made', () => {
    const world = new World();
    world.patch('b', 'c', 10);
    world.patch('c', 'b', 10);
    world.patch('b', 'b', 0);
    expect(planUpdate(world.input('a', 'b c')).plans.map((plan) => plan.kind)).toEqual(['zip']);
  });

  test('a cycle beside the way in is passed', () => {
    const world = new World();
    const start = world.patch('a', 'b', 10);
    const next = world.patch('b', 'c', 10);
    world.patch('c', 'b', 0);
    world.patch('b c', 'c b', 0);
    expect(chosen(planUpdate(world.input('a', 'c')))).toEqual([start, next]);
  });

  test('a derivation whose object is gone, or too short for it, is not used', () => {
    const world = new World();
    const gone = world.patch('a', 'b', 10, 'gone');
    const short = world.patch('a', 'b', 20, 'short');
    const there = world.patch('a', 'b', 30, 'there');
    const objects = world.packer.objects().filter((object) => object.digest !== gone.blob.object);
    const cut = objects.map((object) => (object.digest === short.blob.object ? { ...object, bytes: 19 } : object));
    expect(chosen(planUpdate(world.input('a', 'b', { objects: cut })))).toEqual([there]);
  });

  test('thousands of steps in a row, each with two bases, end in a plan', () => {
    const world = new World();
    world.patch('a', 's0', 1, 'pack');
    world.patch('s0', 's1', 1, 'pack');
    for (let step = 2; step < 3_000; step += 1) world.patch(`s${step - 1} s${step - 2}`, `s${step}`, 1, 'pack');
    expect(chosen(planUpdate(world.input('a', 's2999')))).toHaveLength(3_000);
  });
});

describe('choices', () => {
  test('a chain that skips what a later release removes is cheaper by exactly that', () => {
    const world = new World();
    const kept = world.patch('a0', 'a1', 100, 'first');
    const removed = world.patch('b0', 'b1', 40_000, 'first');
    const last = world.patch('a1', 'a2', 100, 'second');
    const deltas = [
      { base: '1.0.0', target: '1.0.1', derivations: [kept, removed] },
      { base: '1.0.1', target: '1.0.2', derivations: [last] },
    ];
    const choice = planUpdate(world.input('a0 b0', 'a2', { deltas }));
    expect(first(choice)?.label).toBe('chain 1.0.0 → 1.0.1 → 1.0.2');
    expect(first(choice)?.cost).toEqual({ fetchBytes: 200, requests: 2, costBytes: 1_400 });
    expect(chosen(choice)).toEqual([kept, last]);
  });

  test('a content that goes and comes back in a chain comes from where it came back', () => {
    const world = new World();
    const first = [world.whole('x', 9_000), world.patch('a', 'z', 10)];
    const second = [world.patch('z', 'w', 10)];
    const third = [world.patch('w', 'x', 10), world.patch('x', 'y', 10)];
    const deltas = [
      { base: '1.0.0', target: '1.0.1', derivations: first },
      { base: '1.0.1', target: '1.0.2', derivations: second },
      { base: '1.0.2', target: '1.0.3', derivations: third },
    ];
    const choice = planUpdate(world.input('a', 'x y', { deltas, targetRelease: '1.0.3' }));
    expect(choice.plans[0]?.label).toBe('chain 1.0.0 → 1.0.1 → 1.0.2 → 1.0.3');
    expect(chosen(choice)).toEqual([first[1], ...second, ...third]);
  });

  test('a shared step that is dear for one content and cheap for three is taken', () => {
    const world = new World();
    const shared = world.patch('a', 'x', 9_000);
    for (const target of ['p', 'q', 'r']) {
      world.patch('a', target, 6_000);
      world.patch('x', target, 10);
    }
    expect(chosen(planUpdate(world.input('a', 'p q r')))[0]).toBe(shared);
    expect(first(planUpdate(world.input('a', 'p q r')))?.cost.costBytes).toBe(9_000 + 30 + 4 * 600);
  });

  test('a group is taken when it is cheaper than its members one by one, and only then', () => {
    const world = new World();
    const group = world.patch('a', 'p q r', 5_000);
    for (const target of ['p', 'q', 'r']) world.whole(target, 3_000);
    expect(chosen(planUpdate(world.input('a', 'p q r')))).toEqual([group]);
    expect(chosen(planUpdate(world.input('a', 'p')))).toHaveLength(1);
    expect(chosen(planUpdate(world.input('a', 'p')))[0]?.kind).toBe('whole');
  });

  test('larger patches side by side in one object beat smaller ones that each need a request', () => {
    const world = new World();
    const packed = ['p', 'q', 'r'].map((target) => world.patch('a', target, 500, 'pack'));
    for (const target of ['p', 'q', 'r']) world.patch('a', target, 100);
    const choice = planUpdate(world.input('a', 'p q r'));
    expect(chosen(choice)).toEqual(packed);
    expect(first(choice)?.cost).toEqual({ fetchBytes: 1_500, requests: 1, costBytes: 2_100 });
  });

  test('the zip is chosen when it is cheapest, with the deltas behind it', () => {
    const world = new World();
    world.whole('b', 5_000);
    const choice = planUpdate(world.input('a', 'b', { zip: { digest: digestNamed('zip'), bytes: 4_000 } }));
    expect(choice.plans.map((plan) => plan.label)).toEqual(['full zip', 'whole contents']);
    expect(choice.losers.map((loser) => loser.label)).not.toContain('contents');
  });

  test('blobs without bytes cost nothing and no request', () => {
    const world = new World();
    world.whole('empty', 0);
    expect(first(planUpdate(world.input('a', 'empty')))).toMatchObject({ fetches: [], cost: { costBytes: 0, requests: 0 } });
  });

  test('a first install knows no chain', () => {
    const world = new World();
    const derivations = [world.whole('a', 500)];
    const deltas = [{ base: '0.0.0', target: '1.0.2', derivations }];
    const choice = planUpdate(world.input('', 'a', { baseRelease: null, deltas }));
    expect([...choice.plans, ...choice.losers].map(({ label }) => label)).toEqual(['whole contents', 'full zip']);
  });
});

describe('losers', () => {
  test('each says why it lost', () => {
    const world = new World();
    const direct = world.patch('a', 'c', 3_000);
    const one = world.patch('a', 'b', 700);
    const two = world.patch('b', 'c', 1_300);
    const deltas = [
      { base: '1.0.0', target: '1.0.2', derivations: [direct] },
      { base: '1.0.0', target: '1.0.1', derivations: [one] },
      { base: '1.0.1', target: '1.0.2', derivations: [two] },
      { base: '1.0.1', target: '1.0.2', derivations: [] },
    ];
    const choice = planUpdate(world.input('a', 'c', { deltas, plansMax: 1 }));
    expect(choice.plans.map((plan) => plan.label)).toEqual(['chain 1.0.0 → 1.0.1 → 1.0.2']);
    const c = digestNamed('c').slice(0, 12);
    expect(choice.losers.map((loser) => `${loser.label}: ${loser.reason}`)).toEqual([
      'chain 1.0.0 → 1.0.2: 400 bytes dearer than chain 1.0.0 → 1.0.1 → 1.0.2',
      'full zip: 997,400 bytes dearer than chain 1.0.0 → 1.0.1 → 1.0.2',
      `chain 1.0.0 → 1.0.1 → 1.0.2: needs a patch that does not exist: nothing makes content ${c}`,
      `whole contents: content ${c} is not stored whole`,
    ]);
  });

  test('a chain that starts from files the terminal does not have is no plan', () => {
    const world = new World();
    const derivations = [world.patch('a', 'b', 10)];
    const whole = world.whole('b', 5_000);
    const choice = planUpdate(world.input('', 'b', { deltas: [{ base: '1.0.0', target: '1.0.2', derivations }] }));
    expect(chosen(choice)).toEqual([whole]);
    expect(choice.losers).toContainEqual(expect.objectContaining({ label: 'chain 1.0.0 → 1.0.2', cost: null }));
  });
});

describe('a terminal that knows fewer codecs', () => {
  const needing = (codec: CodecName, patch: Derivation): Derivation => (patch.kind === 'patch' ? { ...patch, codec } : patch);

  test('gets other patches or whole contents, and is told what the delta needs', () => {
    const world = new World();
    const small = needing('remendo+containers', world.patch('a', 'c', 100));
    const large = world.patch('a', 'c', 9_000);
    const derivations = [small, large, world.whole('c', 50_000)];
    const deltas = [{ base: '1.0.0', target: '1.0.2', derivations: [small] }];
    const all = world.input('a', 'c', { derivations, deltas });
    expect(chosen(planUpdate(all))).toEqual([small]);
    const choice = planUpdate({ ...all, codecs: new Set(unannouncedCodecs) });
    expect(chosen(choice)).toEqual([large]);
    expect(choice.losers).toContainEqual({
      label: 'chain 1.0.0 → 1.0.2',
      cost: null,
      reason: 'needs the codec remendo+containers, which the terminal does not know',
    });
    const without = derivations.filter((derivation) => derivation !== large);
    const [whole] = planUpdate({ ...all, derivations: without, codecs: new Set(unannouncedCodecs) }).plans;
    expect(whole).toMatchObject({ label: 'whole contents', cost: { fetchBytes: 50_000 } });
  });

  test('keeps a chain that does not need the patch it can not apply, and patches that do not build on it', () => {
    const world = new World();
    const gone = needing('remendo+references', world.patch('x', 'y', 10));
    const kept = world.patch('a', 'b', 100);
    const onTop = world.patch('y', 'z', 10);
    const whole = world.whole('z', 5_000);
    const deltas = [{ base: '1.0.0', target: '1.0.2', derivations: [gone, kept] }];
    const codecs = new Set<CodecName>(['bsdiff40']);
    const choice = planUpdate(world.input('a x', 'b', { derivations: [gone, kept], deltas, codecs }));
    expect(choice.plans[0]?.label).toBe('chain 1.0.0 → 1.0.2');
    expect(chosen(planUpdate(world.input('a x', 'z', { derivations: [gone, onTop, whole], codecs })))).toEqual([whole]);
  });
});
