/**
 * Keeps signed metadata from expiring: the timestamp once a day, the snapshot and what the server's own keys sign when half
 * of their time is over. What only people can sign is told of in time.
 */
import {
  applicationRole,
  keysOfApplicationRole,
  lifetimeDays,
  nextRoot,
  type OfflineMetadata,
  rolesOfRoot,
  rolesOfTargets,
  type SignedRole,
  signApplication,
  signMetadata,
  signTargets,
} from '@remendo/core/publish';
import type { FastifyBaseLogger } from 'fastify';
import { sql } from 'kysely';
import type { Changes } from '../database/changes.js';
import type { Tx } from '../database/open-database.js';
import type { JobKind } from '../jobs/job-queue.js';
import type { MetadataFolder } from './metadata-folder.js';
import { canSign, merged, type Signer, type SigningNow } from './signer.js';

export const renewMetadataKind: JobKind<object> = {
  name: 'renew-metadata',
  isKeyed: true,
  retriesMax: 5,
  secondsMax: 600,
  cron: '23 * * * *',
};

const dayMs = 86_400_000;
/** A person needs time to fetch keys from a safe. */
const warnDays = 45;
/** Versions that the newest timestamp does not lead to are kept this long for whoever is in the middle of a refresh. */
const keptDays = 30;

export interface RenewPorts {
  readonly changes: Changes;
  readonly signer: Signer;
  readonly metadata: MetadataFolder;
  readonly log: FastifyBaseLogger;
}

export async function renewMetadata(ports: RenewPorts, now: Date): Promise<void> {
  const { changes, signer, metadata, log } = ports;
  await changes.change(['metadata'], async (tx) => {
    const signing = await signer.take(tx, now.getTime());
    const offline = renewed(signing);
    for (const { role, days } of expiring(offline, now)) {
      log.warn(
        { event: 'metadata_expiring', role, days },
        `${role} metadata expires in ${days} days: \`remendo keys renew\` signs it anew`,
      );
    }
    const isDue = offline !== signing.stored.offline || isTimestampDue(signing, now);
    if (isDue) await signer.put(tx, signing, offline);
    await removeOld(tx, now);
  });
  await metadata.write();
}

function isTimestampDue({ stored: { online } }: SigningNow, now: Date): boolean {
  if (online === null) return true;
  const leftMs = Date.parse(online.timestamp.signed.expires) - now.getTime();
  return leftMs < lifetimeDays.timestamp * dayMs - dayMs;
}

const isHalfOver = ({ expires }: { readonly expires: string }, days: number, nowMs: number): boolean =>
  Date.parse(expires) - nowMs < (days * dayMs) / 2;

/** With everything signed anew that is half over and that the server's keys may sign; the same when there is nothing. */
function renewed({ stored, keys, nowMs }: SigningNow): OfflineMetadata {
  let { offline } = stored;
  const take = (signed: readonly SignedRole[]): void => {
    offline = merged(offline, signed);
  };
  const top = rolesOfRoot(offline.root);
  if (canSign(top.root, keys.root) && isHalfOver(offline.root.signed, lifetimeDays.root, nowMs)) {
    const root = nextRoot(offline.root, top, { nowMs, days: lifetimeDays.root });
    signMetadata(root, top.root, keys.root);
    take([{ role: 'root', metadata: root }]);
  }
  const by = { keys: keys.targets, nowMs };
  if (canSign(top.targets, keys.targets) && isHalfOver(offline.targets.signed, lifetimeDays.targets, nowMs)) {
    take([signTargets(offline, rolesOfTargets(offline.targets), by)]);
  }
  for (const [application, to] of Object.entries(rolesOfTargets(offline.targets).applications)) {
    const role = offline.roles.get(applicationRole(application));
    if (role === undefined || !canSign(to, keys.targets) || !canSign(keysOfApplicationRole(role), keys.targets)) continue;
    const bins = [...offline.roles].filter(([name]) => name.startsWith(`bin-${application}-`)).map(([, bin]) => bin.signed);
    if ([role.signed, ...bins].some((signed) => isHalfOver(signed, lifetimeDays.targets, nowMs))) {
      take(signApplication(offline, { application, to }, by));
    }
  }
  return offline;
}

/** What is left to people, and soon over. */
export function expiring(
  { root, targets, roles }: OfflineMetadata,
  now: Date,
): readonly { readonly role: string; readonly days: number }[] {
  return [['root', root] as const, ['targets', targets] as const, ...roles]
    .map(([role, { signed }]) => ({ role, days: Math.floor((Date.parse(signed.expires) - now.getTime()) / dayMs) }))
    .filter(({ days }) => days < warnDays);
}

/** Roots are walked through one by one, for ever. */
async function removeOld(tx: Tx, now: Date): Promise<void> {
  await tx
    .deleteFrom('signed_metadata')
    .where('role', '!=', 'root')
    .where('created_at', '<', new Date(now.getTime() - keptDays * dayMs))
    .where(
      sql<boolean>`version < (select max(newer.version) from signed_metadata as newer where newer.role = signed_metadata.role)`,
    )
    .execute();
}
