import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { parseWhoAmI } from '../permissions/windows-permissions.js';
import { windowsTools } from '../permissions/windows-tools.js';
import type { AgentDefinition, AgentService } from './agent-service.js';
import { serviceTools } from './service-tools.js';
import { shellWord, systemdService } from './systemd-service.js';
import { commandLineOf } from './windows-command-line.js';
import { windowsTask } from './windows-task.js';

export type OpenService = (definition: AgentDefinition) => AgentService;

/** Of this system: a task on Windows, a unit of systemd everywhere else. */
export const systemService: OpenService = (definition) => {
  const tools = serviceTools();
  const { SystemRoot = 'C:\\Windows', USERDOMAIN, XDG_CONFIG_HOME } = process.env;
  const { username } = userInfo();
  if (process.platform === 'win32') {
    return windowsTask(definition, {
      tools,
      systemRoot: SystemRoot,
      isElevated: async () => parseWhoAmI(await windowsTools().whoAmI()).isPrivileged,
      userName: USERDOMAIN === undefined ? username : `${USERDOMAIN}\\${username}`,
      callLine: commandLineOf(process.argv),
    });
  }
  return systemdService(definition, {
    tools,
    isRoot: process.geteuid?.() === 0,
    userName: username,
    configFolder: XDG_CONFIG_HOME || join(homedir(), '.config'),
    callLine: process.argv.map(shellWord).join(' '),
    variables: Object.keys(process.env).filter((name) => name.startsWith('REMENDO_')),
  });
};
