/** Tells operators of deltas that nobody could build, whatever they failed of: terminals then fetch more than they would have to. */
import { sql } from 'kysely';
import type { Db } from '../database/open-database.js';
import type { Notifier } from '../notifications/notifier.js';

export interface DeltaWatch {
  readonly db: Db;
  readonly notifier: Notifier;
}

/** Longer than any pause of the watch that nobody notices. */
const newsDays = 7;

interface RejectedDelta {
  readonly id: number;
  readonly application: string;
  readonly platform: string;
  readonly base: string;
  readonly target: string;
  readonly detail: string | null;
}

/** @returns how many were told of now; each is told of once. */
export function watchDeltas({ db, notifier }: DeltaWatch, now: Date): Promise<number> {
  return db.transaction().execute(async (tx) => {
    const { rows } = await sql<RejectedDelta>`
      select delta.id, application.slug as application, target_build.platform, base.version as base, target.version as target, delta.detail
      from delta
      join build as base_build on base_build.id = delta.base_build_id join release as base on base.id = base_build.release_id
      join build as target_build on target_build.id = delta.target_build_id join release as target on target.id = target_build.release_id
      join application on application.id = target.application_id
      where delta.state = 'rejected' and delta.updated_at > ${now}::timestamptz - make_interval(days => ${newsDays})
        and not exists (select 1 from notification where dedup_key = 'delta_rejected/' || delta.id)
      order by delta.id`.execute(tx);
    let told = 0;
    for (const delta of rows) if (await notifier.notify(tx, newsOf(delta))) told++;
    return told;
  });
}

function newsOf({ id, application, platform, base, target, detail }: RejectedDelta) {
  const why = (detail ?? '').slice(0, 500);
  return {
    kind: 'delta_rejected' as const,
    customerId: null,
    subject: `${application} ${target}: the delta from ${base} could not be built`,
    body: `Terminals (${platform}) with ${base} get to ${target} another way, with more to fetch.\n${why}`.trimEnd(),
    data: { application, platform, base, target, detail: why },
    dedupKey: `delta_rejected/${id}`,
  };
}
