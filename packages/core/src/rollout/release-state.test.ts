import { expect, it } from 'vitest';
import { nextReleaseState, type ReleaseState, releaseTransitions } from './release-state.js';

const states = Object.keys(releaseTransitions) as ReleaseState[];
const allowed = ['draft testing', 'draft published', 'testing published', 'published deprecated', 'deprecated published'];

it.each(states.flatMap((from) => states.map((to) => ({ from, to }))))('from $from to $to', ({ from, to }) => {
  const isAllowed = allowed.includes(`${from} ${to}`) || (to === 'withdrawn' && from !== 'withdrawn');
  if (isAllowed) expect(nextReleaseState(from, to)).toBe(to);
  else expect(() => nextReleaseState(from, to)).toThrow(expect.objectContaining({ code: 'RELEASE_STATE' }));
});

it('who asks for a state that is not allowed is told which are', () => {
  expect(() => nextReleaseState('published', 'draft')).toThrow(
    expect.objectContaining({
      message: 'A published release can not become draft, only deprecated or withdrawn',
      details: { from: 'published', to: 'draft', allowed: ['deprecated', 'withdrawn'] },
    }),
  );
});

it('a withdrawn release does not come back: its objects may be gone', () => {
  expect(() => nextReleaseState('withdrawn', 'published')).toThrow(
    expect.objectContaining({
      message: 'A withdrawn release can not become published, nothing else any more',
      details: { from: 'withdrawn', to: 'published', allowed: [] },
    }),
  );
});
