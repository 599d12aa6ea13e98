/** Sets the agent up with the task scheduler of Windows, by schtasks. What that prints is in the system's language and not read. */
import { createHash } from 'node:crypto';
import { win32 } from 'node:path';
import { UpdaterError } from '@remendo/core';
import { type AgentDefinition, type AgentService, agentName, type ServiceOutcome } from './agent-service.js';
import type { ServiceTools } from './service-tools.js';
import { taskXml } from './task-xml.js';

export interface WindowsHost {
  readonly tools: ServiceTools;
  /** `C:\Windows`. */
  readonly systemRoot: string;
  /** Whether this program runs as an administrator whose rights are not held back, or as the system. */
  isElevated(): Promise<boolean>;
  /** Of whoever runs this program: `DESKTOP\ana`. */
  readonly userName: string;
  /** The command line of this call of setup, for a person to repeat it with other rights. */
  readonly callLine: string;
}

export function windowsTask(definition: AgentDefinition, host: WindowsHost): AgentService {
  const { tools, userName } = host;
  const name = `Remendo\\${agentName(definition.root)}`;
  const file = win32.join(definition.home, 'service', `${agentName(definition.root)}.xml`);
  const schtasks = win32.join(host.systemRoot, 'System32', 'schtasks.exe');
  const isUser = definition.scope === 'user';
  const mark = `remendo ${digestOf(taskXml(definition, { userName, mark: '' }))}`;
  const xml = taskXml(definition, { userName, mark });

  const run = async (...args: readonly string[]): Promise<void> => {
    const { code, output } = await tools.run(schtasks, args);
    if (code !== 0) throw refusal(args, output);
  };
  /** What the scheduler has, as XML; null: no such task. */
  const registered = async (): Promise<string | null> => {
    const { code, output } = await tools.run(schtasks, ['/Query', '/TN', name, '/XML']);
    // In UTF-16 or in the console's code page: what is looked for is ASCII.
    return code === 0 ? output.replaceAll('\0', '') : null;
  };
  const creating = ['/Create', '/TN', name, '/XML', file, '/F'] as const;
  const starting = ['/Run', '/TN', name] as const;

  return {
    name,
    plan: () => [`write ${file}`, ...[creating, starting].map((args) => `schtasks ${shown(args)}`)],
    isByHand: () => false,
    isRight: async () => (await registered())?.includes(mark) === true,
    async assertAllowed() {
      if (isUser || (await host.isElevated())) return;
      throw new UpdaterError(
        'SERVICE_FAILED',
        `only an administrator sets up a task of the system; open a console as administrator and run: ${host.callLine} (or add --user: the agent then runs while ${userName} is signed in)`,
        { details: { command: host.callLine } },
      );
    },
    async install(restarts = false): Promise<ServiceOutcome> {
      const before = await registered();
      const isRight = before?.includes(mark) === true;
      if (isRight && !(restarts && definition.mode === 'daemon')) return { outcome: 'kept', name, commands: [] };
      // Byte order mark first: without it the scheduler takes the file for something else.
      if (!isRight) await tools.write(file, Buffer.from(`\ufeff${xml}`, 'utf16le'));
      if (before !== null) await tools.run(schtasks, ['/End', '/TN', name]);
      if (!isRight) await run(...creating);
      await run(...starting);
      return { outcome: before === null ? 'made' : 'changed', name, commands: [] };
    },
    async remove() {
      const isThere = (await registered()) !== null;
      if (isThere) {
        await tools.run(schtasks, ['/End', '/TN', name]);
        await run('/Delete', '/TN', name, '/F');
      }
      await tools.remove(file);
      return isThere;
    },
    async state() {
      const found = await registered();
      return found === null ? 'missing' : 'installed';
    },
  };
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);

const shown = (args: readonly string[]): string => args.map((arg) => (/\s/.test(arg) ? `"${arg}"` : arg)).join(' ');

const refusal = (args: readonly string[], output: string): UpdaterError => {
  const command = `schtasks ${shown(args)}`;
  const said = output.replaceAll('\0', '').trim().slice(-300);
  return new UpdaterError('SERVICE_FAILED', `"${command}" did not succeed${said === '' ? '' : `: ${said}`}`, {
    details: { command },
  });
};
