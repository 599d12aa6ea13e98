import { codecNames } from '@remendo/core';
import type { Db } from '../database/open-database.js';
import type { Catalogue } from '../releases/catalogue.js';
import { findBuildById } from '../releases/release-records.js';
import type { PlanService } from './plan-service.js';

/**
 * Once the last delta to a release is built, makes the plans that most terminals will ask for: the first of them should
 * not have to wait. Most know all codecs.
 */
export async function warmPlans(
  ports: { readonly db: Db; readonly catalogue: Catalogue; readonly plans: PlanService },
  deltaId: number,
): Promise<void> {
  const { db, catalogue, plans } = ports;
  const siblings = await db
    .selectFrom('delta')
    .where('target_build_id', '=', (eb) => eb.selectFrom('delta').select('target_build_id').where('id', '=', deltaId))
    .select(['base_build_id', 'target_build_id', 'state'])
    .orderBy('id')
    .execute();
  if (siblings.some((delta) => delta.state === 'wanted' || delta.state === 'building')) return;
  const view = await catalogue.view();
  for (const delta of siblings) {
    const base = await findBuildById(db, delta.base_build_id);
    const target = await findBuildById(db, delta.target_build_id);
    if (base !== null && target !== null) await plans.plan(view, { base, target, codecs: codecNames });
  }
}
