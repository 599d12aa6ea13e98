/** Sets the agent up with systemd: units in the system's or the person's folder, enabled and started by systemctl. */
import { join } from 'node:path';
import { UpdaterError } from '@remendo/core';
import { type AgentDefinition, type AgentService, agentName, type ServiceOutcome } from './agent-service.js';
import type { ServiceTools } from './service-tools.js';
import { mainUnit, systemdUnits } from './systemd-units.js';

export interface SystemdHost {
  readonly tools: ServiceTools;
  readonly isRoot: boolean;
  /** Of whoever runs this program. */
  readonly userName: string;
  /** Where the person's configuration is: `~/.config`. */
  readonly configFolder: string;
  /** The command line of this call of setup, for a person to repeat it with other rights. */
  readonly callLine: string;
  /** Names of its variables that say something to it; `sudo` leaves them out unless it is told. */
  readonly variables?: readonly string[];
}

/** There while systemd runs this machine. */
const runningFolder = '/run/systemd/system';

export function systemdService(definition: AgentDefinition, host: SystemdHost): AgentService {
  const { tools } = host;
  const name = agentName(definition.root);
  const main = mainUnit(name, definition);
  const isUser = definition.scope === 'user';
  const folder = isUser ? join(host.configFolder, 'systemd', 'user') : '/etc/systemd/system';
  const units = systemdUnits(name, definition);
  const scoped = (args: readonly string[]): readonly string[] => (isUser ? ['--user', ...args] : args);
  const isBooted = (): boolean => tools.exists(runningFolder);

  const systemctl = async (...args: readonly string[]): Promise<void> => {
    const { code, output } = await tools.run('systemctl', scoped(args));
    if (code !== 0) throw refusal(`systemctl ${scoped(args).join(' ')}`, output);
  };
  const says = async (question: string): Promise<boolean> =>
    (await tools.run('systemctl', scoped([question, '--quiet', main]))).code === 0;
  const isWritten = async (path: string, text: string): Promise<boolean> =>
    Buffer.from((await tools.read(path)) ?? []).toString('utf8') === text;

  /** Those that are not as they should be. */
  const wrongUnits = async (folderOf: string): Promise<typeof units> => {
    const right = await Promise.all(units.map((unit) => isWritten(join(folderOf, unit.name), unit.text)));
    return units.filter((_, index) => right[index] === false);
  };
  const writeUnits = async (into: string, wrong: typeof units): Promise<void> => {
    for (const unit of wrong) await tools.write(join(into, unit.name), new TextEncoder().encode(unit.text));
  };

  /** Of the other way of running it: a timer that is none any more, a service that only a timer starts from now on. */
  const outdated = async (): Promise<readonly string[]> => {
    if (definition.mode === 'daemon') return [`${name}.timer`];
    const path = join(folder, `${name}.service`);
    return (await isWritten(path, units[0]?.text ?? '')) ? [] : [`${name}.service`];
  };

  const takeAway = async (names: readonly string[]): Promise<boolean> => {
    const there = names.filter((one) => tools.exists(join(folder, one)));
    for (const one of there) {
      if (isBooted()) await systemctl('disable', '--now', one);
      await tools.remove(join(folder, one));
    }
    if (there.length > 0 && isBooted()) await systemctl('daemon-reload');
    return there.length > 0;
  };

  const handWritten = join(definition.home, 'service');
  const commandsByHand = (): readonly string[] => [
    ...units.map((unit) => `install -D -m 644 ${shellWord(join(handWritten, unit.name))} ${shellWord(join(folder, unit.name))}`),
    `systemctl ${scoped(['daemon-reload']).join(' ')}`,
    `systemctl ${scoped(['enable', '--now', main]).join(' ')}`,
  ];

  return {
    name: main,
    plan() {
      const into = isBooted() ? folder : handWritten;
      const calls = isBooted() ? [['daemon-reload'], ['enable', main], ['restart', main]] : [];
      return [
        ...units.map((unit) => `write ${join(into, unit.name)}`),
        ...calls.map((args) => `systemctl ${scoped(args).join(' ')}`),
        ...(isUser && isBooted() ? [`loginctl enable-linger ${host.userName}`] : []),
      ];
    },
    isByHand: () => !isBooted(),
    async isRight() {
      if (!isBooted()) return false;
      for (const { name: unit, text } of units) if (!(await isWritten(join(folder, unit), text))) return false;
      return (await says('is-enabled')) && (await says('is-active'));
    },
    async assertAllowed() {
      if (isUser || host.isRoot || !isBooted()) return;
      const { callLine, variables = [], userName } = host;
      const kept = variables.length === 0 ? '' : `--preserve-env=${variables.join(',')} `;
      const command = `sudo ${kept}${callLine}`;
      throw new UpdaterError(
        'SERVICE_FAILED',
        `only root sets up a service of the system; run: ${command} (or add --user: the agent then runs as ${userName})`,
        { details: { command } },
      );
    },
    async install(restarts = false): Promise<ServiceOutcome> {
      if (!isBooted()) {
        await writeUnits(handWritten, await wrongUnits(handWritten));
        return { outcome: 'written', name: main, commands: commandsByHand() };
      }
      const hadOther = await takeAway(await outdated());
      const wrong = await wrongUnits(folder);
      const isChanged = wrong.length > 0;
      const isNew = !tools.exists(join(folder, main));
      // Stopped before it is changed: whatever is cut short from here on, the next call finds it stopped, and starts it anew.
      if (isChanged && !isNew) await systemctl('stop', main);
      await writeUnits(folder, wrong);
      if (isChanged) await systemctl('daemon-reload');
      const isEnabled = await says('is-enabled');
      if (!isEnabled) await systemctl('enable', main);
      const isActive = !isChanged && (await says('is-active'));
      if (!isChanged && !isActive) await systemctl('daemon-reload');
      // What a timer starts reads everything each time.
      const isRestarted = !isActive || (restarts && definition.mode === 'daemon');
      if (isRestarted) await systemctl('restart', main);
      const lingering = isUser ? await linger(host) : [];
      const isKept = isEnabled && !isRestarted && !hadOther;
      return { outcome: isKept ? 'kept' : isNew && !hadOther ? 'made' : 'changed', name: main, commands: lingering };
    },
    async remove() {
      const wasThere = await takeAway([`${name}.timer`, `${name}.service`]);
      for (const unit of [`${name}.timer`, `${name}.service`]) await tools.remove(join(handWritten, unit));
      return wasThere;
    },
    async state() {
      if (!isBooted()) return 'unknown';
      const there = [`${name}.timer`, `${name}.service`].find((one) => tools.exists(join(folder, one)));
      if (there === undefined) return 'missing';
      return (await tools.run('systemctl', scoped(['is-active', '--quiet', there]))).code === 0 ? 'running' : 'stopped';
    },
  };
}

/** As a shell takes it for one word. */
export const shellWord = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** Services of a person end with the last session, unless the person lingers. @returns what is left to somebody else. */
async function linger({ tools, userName }: SystemdHost): Promise<readonly string[]> {
  const { code } = await tools.run('loginctl', ['enable-linger', userName]);
  return code === 0 ? [] : [`sudo loginctl enable-linger ${userName}`];
}

const refusal = (line: string, output: string): UpdaterError => {
  const said = output.trim().slice(-300);
  const details = { command: line };
  return new UpdaterError('SERVICE_FAILED', `"${line}" did not succeed${said === '' ? '' : `: ${said}`}`, { details });
};
