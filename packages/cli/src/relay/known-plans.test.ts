import type { Digest, PlanNames } from '@remendo/core';
import { manualClock } from '@remendo/core/testing';
import { expect, it } from 'vitest';
import { openKnownPlans } from './known-plans.js';
import { names } from './relay-world.test.support.js';

const digest = 'a'.repeat(64) as Digest;

it('lets nobody in the network use up what the others may ask, and asks no more than a branch can need', async () => {
  const clock = manualClock();
  const asked: PlanNames[] = [];
  const fetchPlan = async (plan: PlanNames) => {
    asked.push(plan);
    return new Map([[digest, 5]]);
  };
  const plans = openKnownPlans({ fetchPlan, clock, applications: null });
  let made = 0;
  const ask = (by: string) =>
    plans.find('b'.repeat(64) as Digest, { names: { ...names, target: `7.0.${++made}` }, by }).catch(() => 'refused');
  const flood = async (by: string): Promise<number> => {
    let refused = 0;
    for (let index = 0; index < 100; index += 1) if ((await ask(by)) === 'refused') refused += 1;
    return refused;
  };
  expect(await flood('10.0.0.66')).toBe(60);
  expect(await plans.find(digest, { names, by: '10.0.0.5' })).toBe(5);
  for (const by of ['10.0.0.67', '10.0.0.68', '10.0.0.69']) await flood(by);
  expect(asked).toHaveLength(120);
  clock.advance(3_600_000);
  expect(await ask('10.0.0.66')).toBeNull();
});
