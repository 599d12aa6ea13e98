/** The agent as units of systemd: texts only. What is in them works from systemd 239 on. */
import { exitCodes } from '../exit-codes.js';
import { type AgentDefinition, assertPlainText, guardCommand } from './agent-service.js';

export interface Unit {
  /** `remendo-erp-1a2b3c4d.service`. */
  readonly name: string;
  readonly text: string;
}

/** The service, and with `mode: 'timer'` what starts it. @throws UpdaterError CONFIG_INVALID */
export function systemdUnits(name: string, definition: AgentDefinition): readonly Unit[] {
  const { root, home, command, account } = definition;
  assertPlainText([root, home, ...command, ...(account === null ? [] : [account])]);
  const service = { name: `${name}.service`, text: serviceText(definition) };
  return definition.mode === 'timer' ? [service, { name: `${name}.timer`, text: timerText(definition) }] : [service];
}

/** The one that is enabled and started. */
export const mainUnit = (name: string, { mode }: AgentDefinition): string => `${name}.${mode === 'timer' ? 'timer' : 'service'}`;

function serviceText(definition: AgentDefinition): string {
  const { root, command, mode, scope, account } = definition;
  const isSystem = scope === 'system';
  const guard = guardCommand(definition);
  return lines([
    '[Unit]',
    `Description=Remendo agent of ${describedRoot(root)}`,
    ...(isSystem ? ['Wants=network-online.target', 'After=network-online.target'] : []),
    // It is never given up, for nobody is there to start it again.
    ...(mode === 'daemon' ? ['StartLimitIntervalSec=0'] : []),
    '',
    '[Service]',
    `Type=${mode === 'daemon' ? 'simple' : 'oneshot'}`,
    // The minus: there is none before the first update of the agent, and nothing hangs on it.
    ...(guard === null ? [] : [`ExecStartPre=-${execLine(guard)}`]),
    `ExecStart=${execLine(mode === 'daemon' ? command : [...command, '--once'])}`,
    ...(mode === 'daemon' ? restarts : []),
    // Ended to be started anew, as another version; and by SIGTERM, as asked.
    `SuccessExitStatus=${exitCodes.restart} ${exitCodes.terminated}`,
    'TimeoutStopSec=90',
    'Nice=5',
    'IOSchedulingClass=best-effort',
    'IOSchedulingPriority=7',
    ...(isSystem && account !== null ? [`User=${account}`] : []),
    ...hardening(definition),
    ...(mode === 'daemon' ? ['', '[Install]', `WantedBy=${isSystem ? 'multi-user.target' : 'default.target'}`] : []),
  ]);
}

/**
 * Whatever it ended with. From systemd 254 on each pause is longer than the one before, up to a quarter of an hour; older ones say
 * once that they do not know of it, and keep to the minute.
 */
const restarts = ['Restart=always', 'RestartSec=60', 'RestartSteps=5', 'RestartMaxDelaySec=900'];

const timerText = ({ root }: AgentDefinition): string =>
  lines([
    '[Unit]',
    `Description=Remendo agent of ${describedRoot(root)}, from time to time`,
    '',
    '[Timer]',
    'OnBootSec=5min',
    'OnUnitActiveSec=6h',
    'RandomizedDelaySec=30min',
    '',
    '[Install]',
    'WantedBy=timers.target',
  ]);

/**
 * Nothing of the system is the agent's to change. What is left to it: the install root, the updater's folder, and what the
 * steps around an update work on, which is why data folders and /tmp stay as they are. No folder is named as writable: each
 * such one would be a mount of its own, and files could no longer be moved between an install root and an updater's folder elsewhere.
 */
function hardening({ root, home, scope }: AgentDefinition): readonly string[] {
  const always = ['NoNewPrivileges=yes'];
  // A person's service manager may not make such a place.
  if (scope === 'user') return always;
  const isInSystem = [root, home].some((path) => /^\/(usr|boot|efi|etc)(\/|$)/.test(path));
  return [
    ...always,
    ...(isInSystem ? [] : ['ProtectSystem=full']),
    'ProtectKernelTunables=yes',
    'ProtectKernelModules=yes',
    'ProtectControlGroups=yes',
    'RestrictRealtime=yes',
    'RestrictSUIDSGID=yes',
    'LockPersonality=yes',
  ];
}

const lines = (texts: readonly string[]): string => `${texts.join('\n')}\n`;

/** A backslash at the end of a line would take the next one along. */
const describedRoot = (root: string): string => specifiersEscaped(root.replaceAll('\\', '/'));

const specifiersEscaped = (text: string): string => text.replaceAll('%', '%%');

/** Variables are put in for `$` in arguments, not in the program's path. */
const execLine = ([program = '', ...args]: readonly string[]): string =>
  [quoted(program), ...args.map((arg) => quoted(arg).replaceAll('$', '$$$$'))].join(' ');

const quoted = (text: string): string => `"${specifiersEscaped(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
