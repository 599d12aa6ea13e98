/** The first steps: folders, permissions, root of trust, configuration. */
import { join } from 'node:path';
import { assertOneVolume, nodeFileSystem } from '@remendo/core';
import { configFileName } from '../config-files.js';
import { dayText } from '../output/duration.js';
import { printable } from '../output/printable.js';
import { judge } from '../permissions/guard-install.js';
import { identityOf } from './enrol-terminal.js';
import { makeFolders, placeTrust, planTightening, type Trust, tighten, writeConfiguration } from './prepare-install.js';
import type { RootOfTrust } from './root-of-trust.js';
import type { Setup } from './setup.js';

export interface Prepared {
  readonly trust: Trust;
  /** Changes of permissions, as lines. */
  readonly permissions: readonly string[];
}

const silent = { warn: () => {}, language: 'en' } as const;

/** @throws UpdaterError STORAGE_OTHER_VOLUME, INSTALL_UNSAFE, STORAGE_FAILED, STORAGE_NO_SPACE, TRUST_INVALID. */
export async function prepare(setup: Setup, root: RootOfTrust | null): Promise<Prepared> {
  const { context, say, answers, steps, isDry } = setup;
  const { output } = context;
  const { layout } = answers;
  await assertOneVolume(nodeFileSystem(), layout);
  const permissions = setup.ports.permissions();
  // Before anything is touched: what tightening can not mend, and this program must not work in.
  judge(silent, layout, await permissions.inspect(layout, true));
  const areMissing = await makeFolders(layout, isDry);
  steps.tell('folders', areMissing ? (isDry ? 'planned' : 'done') : 'kept', layout.root);
  const changes = await planTightening({ output, say }, permissions, layout);
  for (const { line } of changes) output.note((isDry ? say.wouldRun : say.permissionLine)(printable(line)));
  if (!isDry) {
    await tighten(changes);
    judge(output, layout, await permissions.inspect(layout));
  }
  const changed = changes.length === 0 ? 'kept' : isDry ? 'planned' : 'changed';
  steps.tell('permissions', changed, changes.length === 0 ? '' : say.permissionChanges(changes.length));
  const trust = await placeTrust(layout, root, { isDry, trustsFirstUse: answers.trustsFirstUse });
  tellTrust(setup, trust, root);
  const { configuration } = await identityOf(answers);
  steps.tell('configuration', await writeConfiguration(layout, configuration, isDry), join(layout.home, configFileName));
  return { trust, permissions: changes.map(({ line }) => line) };
}

function tellTrust({ context: { output }, say, steps, isDry }: Setup, trust: Trust, root: RootOfTrust | null): void {
  switch (trust) {
    case 'shipped':
      steps.tell(
        'trust',
        isDry ? 'planned' : 'done',
        say.trustShipped(root?.version ?? 0, dayText(output.language, (root?.expires ?? '').slice(0, 10))),
      );
      return;
    case 'kept':
      steps.tell('trust', 'kept', say.trustKept);
      return;
    case 'first_use':
      steps.tell('trust', 'left_out', say.trustFirstUse);
      output.warn(say.firstUseWarning);
      return;
    case 'missing':
      steps.tell('trust', 'left_out', say.trustMissing);
      output.warn(say.missingWarning);
  }
}
