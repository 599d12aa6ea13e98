/**
 * The life of a release. What its version names never changes once a terminal can have seen it, which is why nothing
 * leads back to draft; a release whose bytes are wrong is withdrawn, and the next version is right.
 *
 * ```
 *  draft ──▶ testing ──▶ published ◀──▶ deprecated      draft may skip testing; all may become withdrawn
 * ```
 * Withdrawn is the end: the objects of a withdrawn release may be gone, and terminals were told not to install it.
 * Whoever only wants to wait pauses the rollout.
 */
import { UpdaterError } from '../errors.js';

/** draft: nobody sees it · testing: its rings do · published: its rollout decides · deprecated: by pin or as a floor only · withdrawn: nobody, for good. */
export type ReleaseState = 'draft' | 'testing' | 'published' | 'deprecated' | 'withdrawn';

export const releaseTransitions: Readonly<Record<ReleaseState, readonly ReleaseState[]>> = {
  draft: ['testing', 'published', 'withdrawn'],
  testing: ['published', 'withdrawn'],
  published: ['deprecated', 'withdrawn'],
  deprecated: ['published', 'withdrawn'],
  withdrawn: [],
};

/**
 * The state `to`, when a release may go there; the one it is in is no transition.
 * @throws UpdaterError RELEASE_STATE, with `from`, `to` and the `allowed` ones in its details.
 */
export function nextReleaseState(from: ReleaseState, to: ReleaseState): ReleaseState {
  const allowed = releaseTransitions[from];
  if (allowed.includes(to)) return to;
  const instead = allowed.length === 0 ? 'nothing else any more' : `only ${allowed.join(' or ')}`;
  throw new UpdaterError('RELEASE_STATE', `A ${from} release can not become ${to}, ${instead}`, { details: { from, to, allowed } });
}
