import { type InstallLayout, installLayout } from '@remendo/core';
import { type SelfUpdateConfig, type SelfUpdateSettings, selfUpdateConfigOf } from '../agent/self-update/self-update-settings.js';
import { sparePath } from '../agent/self-update/spare-program.js';
import { ownProgram } from '../own-program.js';
import type { AgentService } from './agent-service.js';
import type { ServiceSettings } from './service-settings.js';
import type { OpenService } from './system-service.js';

/** Null: this program does not update itself. @throws UpdaterError CONFIG_INVALID */
export function selfUpdateOf(given: SelfUpdateSettings | null, { root }: Pick<InstallLayout, 'root'>): SelfUpdateConfig | null {
  const { command, args } = ownProgram();
  return selfUpdateConfigOf(given, { executable: command, isSingleExecutable: args.length === 0, applicationRoot: root });
}

export interface AgentSettings {
  readonly service: ServiceSettings;
  readonly selfUpdate: SelfUpdateSettings | null;
}

/** What keeps the agent of an install running; null where that is nobody's business here. @throws UpdaterError CONFIG_INVALID */
export function agentServiceOf(
  layout: Pick<InstallLayout, 'root' | 'home'>,
  { service: { mode, scope, account }, selfUpdate }: AgentSettings,
  openService: OpenService,
): AgentService | null {
  if (mode === 'none') return null;
  const { root, home } = layout;
  const { command, args } = ownProgram();
  const own = selfUpdateOf(selfUpdate, layout);
  const place = ['--root', root, ...(home === installLayout(root).home ? [] : ['--home', home])];
  return openService({
    ...{ mode, scope, account, root, home },
    command: [command, ...args, 'agent', ...place],
    spare: own === null ? null : sparePath(own.home, own.program),
  });
}
