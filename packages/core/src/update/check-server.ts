/** The first stage: is there something newer, and may this terminal have it? */
import { compareVersions, shownVersion } from '../manifest/version.js';
import type { CheckAnswer } from '../protocol/index.js';
import { readInstalled, rememberFloor } from './install-state.js';
import type { UpdateContext } from './update-context.js';
import type { CheckResult, UpdateOptions } from './update-options.js';

/** What the server says; touches nothing but what is remembered of a mandatory version. */
export async function checkServer(
  context: UpdateContext,
  options: Pick<UpdateOptions, 'retry' | 'allowDowngrade' | 'signal'> = {},
): Promise<CheckResult> {
  const installed = await readInstalled(context.host.fileSystem, context.layout);
  const current = installed.version?.version ?? null;
  const shown = installed.version === null ? null : shownVersion(installed.version);
  const answer = await context.api.check({ version: current }, options.signal);
  // Also when there is nothing newer: whoever withholds releases is found out when signed metadata expires. Where nothing
  // was installed nothing is left behind.
  if (installed.state !== null) await context.trust.refresh(options.signal);
  const latest = answer.latest_version;
  if (installed.state !== null) await rememberMandatory(context, answer);
  if (!answer.update_available || latest === null) {
    return answer.reason === undefined || answer.reason === 'up_to_date'
      ? { kind: 'up-to-date', installed: shown }
      : { kind: 'not-offered', installed: shown, reason: answer.reason };
  }
  if (current !== null && compareVersions(latest, current) <= 0) {
    const isOlder = answer.downgrade === true && compareVersions(latest, current) < 0;
    if (!isOlder) return { kind: 'up-to-date', installed: shown };
    if (options.allowDowngrade !== true) return { kind: 'not-offered', installed: shown, reason: 'downgrade_not_allowed' };
  }
  if (options.retry !== true && installed.blocked.includes(latest)) return { kind: 'blocked', installed: shown, version: latest };
  return { kind: 'available', installed: shown, version: latest, answer };
}

/** A floor that can not be written down keeps nobody waiting, and stops nothing. */
async function rememberMandatory({ host, layout }: UpdateContext, answer: CheckAnswer): Promise<void> {
  const floor = answer.update_available && answer.mandatory === true ? answer.latest_version : null;
  await rememberFloor(host.fileSystem, layout, floor).catch(() => undefined);
}
