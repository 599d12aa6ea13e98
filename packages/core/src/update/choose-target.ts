import type { Manifest } from '../manifest/manifest.js';
import { shownVersion } from '../manifest/version.js';
import { checkServer } from './check-server.js';
import { readInstalled } from './install-state.js';
import { surveyInstall } from './survey-install.js';
import type { UpdateContext } from './update-context.js';
import type { CheckResult, UpdateOptions } from './update-options.js';

export interface ChosenTarget {
  readonly kind: 'chosen';
  readonly version: string;
  readonly finalVersion: string | null;
}

/** The version to install, or why there is none. */
export async function chooseTarget(
  context: UpdateContext,
  options: Pick<UpdateOptions, 'version' | 'retry' | 'allowDowngrade' | 'signal'>,
): Promise<ChosenTarget | Exclude<CheckResult, { kind: 'available' }>> {
  if (options.version === undefined) {
    const found = await checkServer(context, options);
    if (found.kind !== 'available') return found;
    const { floor_step: isStep, final_version: finalVersion = null } = found.answer;
    return { kind: 'chosen', version: found.version, finalVersion: isStep === true ? finalVersion : null };
  }
  const installed = await readInstalled(context.host.fileSystem, context.layout);
  if (installed.manifest?.version === options.version && (await isWhole(context, installed.manifest, options.signal))) {
    return { kind: 'up-to-date', installed: shownVersion(installed.version ?? installed.manifest) };
  }
  if (options.retry !== true && installed.blocked.includes(options.version)) {
    return {
      kind: 'blocked',
      installed: installed.version === null ? null : shownVersion(installed.version),
      version: options.version,
    };
  }
  return { kind: 'chosen', version: options.version, finalVersion: null };
}

/** Whether every installed file is the manifest's at a first look, preserved ones aside. */
async function isWhole({ host, layout, isPreserved }: UpdateContext, manifest: Manifest, signal?: AbortSignal): Promise<boolean> {
  const survey = await surveyInstall(host.fileSystem, layout.root, manifest, signal === undefined ? {} : { signal });
  return survey.every(({ file, finding }) => finding === 'intact' || (finding !== 'missing' && isPreserved(file.path)));
}
