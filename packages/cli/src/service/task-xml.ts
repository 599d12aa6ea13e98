/**
 * The agent as a task of Windows' task scheduler: its definition as XML, of the schema that Windows 10 and Server 2016 know.
 *
 * A task and not a service: a service has to answer the service manager by calls that need native code, and this program has
 * none. Nothing is lost by it. Neither can start programs with windows, which is why what an agent puts in place waits for the
 * next `launch` to be proved; a task starts with the machine too, whether anybody is signed in or not, and is started again.
 */
import { UpdaterError } from '@remendo/core';
import { type AgentDefinition, assertPlainText, guardCommand } from './agent-service.js';
import { commandLineOf } from './windows-command-line.js';

export interface TaskXmlOptions {
  /** Account of the user's scope: `DESKTOP\ana`. */
  readonly userName: string;
  /** Stands in the task, to be found there again. */
  readonly mark: string;
}

const systemSid = 'S-1-5-18';

/** @throws UpdaterError CONFIG_INVALID */
export function taskXml(definition: AgentDefinition, options: TaskXmlOptions): string {
  const { root, home, command, mode, account, spare } = definition;
  assertPlainText([root, home, ...command, ...(account === null ? [] : [account]), options.userName]);
  assertNoVariables([...command, ...(spare === null ? [] : [spare])]);
  const guard = guardCommand(definition);
  const [program, ...args] = mode === 'daemon' ? command : ([...command, '--once'] as const);
  return [
    '<?xml version="1.0" encoding="UTF-16"?>',
    '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">',
    '  <RegistrationInfo>',
    element(4, 'Source', options.mark),
    element(4, 'Description', `Remendo agent of ${root}`),
    '  </RegistrationInfo>',
    '  <Triggers>',
    ...triggers(definition, options),
    '  </Triggers>',
    '  <Principals>',
    '    <Principal id="Agent">',
    ...principal(definition, options),
    '    </Principal>',
    '  </Principals>',
    '  <Settings>',
    // Whoever comes second goes again: there is one agent.
    element(4, 'MultipleInstancesPolicy', 'IgnoreNew'),
    element(4, 'DisallowStartIfOnBatteries', 'false'),
    element(4, 'StopIfGoingOnBatteries', 'false'),
    element(4, 'AllowHardTerminate', 'true'),
    element(4, 'StartWhenAvailable', 'true'),
    element(4, 'RunOnlyIfNetworkAvailable', 'false'),
    '    <IdleSettings>',
    element(6, 'StopOnIdleEnd', 'false'),
    element(6, 'RestartOnIdle', 'false'),
    '    </IdleSettings>',
    element(4, 'AllowStartOnDemand', 'true'),
    element(4, 'Enabled', 'true'),
    element(4, 'Hidden', 'false'),
    element(4, 'RunOnlyIfIdle', 'false'),
    element(4, 'WakeToRun', 'false'),
    // No limit.
    element(4, 'ExecutionTimeLimit', 'PT0S'),
    // Below normal: the application comes first.
    element(4, 'Priority', '7'),
    ...restarts(mode),
    '  </Settings>',
    '  <Actions Context="Agent">',
    // One after the other, whatever the first ends with.
    ...(guard === null ? [] : action(guard)),
    ...action([program, ...args]),
    '  </Actions>',
    '</Task>',
    '',
  ].join('\r\n');
}

/** The scheduler puts variables in for `%NAME%`, and knows no way to write the signs themselves. @throws UpdaterError CONFIG_INVALID */
function assertNoVariables(texts: readonly string[]): void {
  const odd = texts.find((text) => /%[^%\\/:\s]+%|\$\(Arg\d+\)/i.test(text));
  if (odd === undefined) return;
  const problems = [`${JSON.stringify(odd)} can not stand in a task of Windows, which would put a variable in its place`];
  throw new UpdaterError('CONFIG_INVALID', 'the settings are not right', { details: { problems } });
}

/**
 * With the machine, or with the person who signs in; and every day, repeated through the day: a daemon that is there ignores
 * it, one that is gone after all its restarts comes back.
 */
function triggers({ mode, scope }: AgentDefinition, { userName }: TaskXmlOptions): readonly string[] {
  const start =
    scope === 'system'
      ? ['    <BootTrigger>', element(6, 'Enabled', 'true'), '    </BootTrigger>']
      : ['    <LogonTrigger>', element(6, 'Enabled', 'true'), element(6, 'UserId', userName), '    </LogonTrigger>'];
  return [
    ...start,
    '    <CalendarTrigger>',
    '      <Repetition>',
    element(8, 'Interval', mode === 'daemon' ? 'PT1H' : 'PT6H'),
    element(8, 'Duration', 'P1D'),
    element(8, 'StopAtDurationEnd', 'false'),
    '      </Repetition>',
    // Any day that is over; the time of day counts.
    element(6, 'StartBoundary', '2026-01-01T00:15:00'),
    element(6, 'Enabled', 'true'),
    ...(mode === 'timer' ? [element(6, 'RandomDelay', 'PT30M')] : []),
    '      <ScheduleByDay>',
    element(8, 'DaysInterval', '1'),
    '      </ScheduleByDay>',
    '    </CalendarTrigger>',
  ];
}

/** Until the next trigger; a round of somebody else's schedule is not repeated for long. */
const restarts = (mode: AgentDefinition['mode']): readonly string[] => [
  '    <RestartOnFailure>',
  element(6, 'Interval', mode === 'daemon' ? 'PT5M' : 'PT15M'),
  element(6, 'Count', mode === 'daemon' ? '12' : '3'),
  '    </RestartOnFailure>',
];

/** No password is asked for or stored: an account of its own runs by S4U, which signs in to nothing on the network as itself. */
function principal({ scope, account }: AgentDefinition, { userName }: TaskXmlOptions): readonly string[] {
  const runLevel = (level: string): string => element(6, 'RunLevel', level);
  if (scope === 'user')
    return [element(6, 'UserId', userName), element(6, 'LogonType', 'InteractiveToken'), runLevel('LeastPrivilege')];
  if (account === null) return [element(6, 'UserId', systemSid), runLevel('HighestAvailable')];
  const isBuiltIn = /^(S-1-5-(18|19|20)$|NT AUTHORITY\\)/i.test(account);
  const logon = isBuiltIn ? [] : [element(6, 'LogonType', 'S4U')];
  return [element(6, 'UserId', account), ...logon, runLevel('LeastPrivilege')];
}

const action = ([program, ...args]: readonly [string, ...string[]]): readonly string[] => [
  '    <Exec>',
  element(6, 'Command', program),
  element(6, 'Arguments', commandLineOf(args)),
  '    </Exec>',
];

const element = (indent: number, name: string, text: string): string => `${' '.repeat(indent)}<${name}>${escaped(text)}</${name}>`;

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign] ?? sign);
