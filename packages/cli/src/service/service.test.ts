/** The agent's unit and task: their texts, and what the system is asked to do with them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type AgentDefinition, agentName } from './agent-service.js';
import { type RecordedTools, recordedTools } from './recorded-tools.test.support.js';
import { systemdService } from './systemd-service.js';
import { systemdUnits } from './systemd-units.js';
import { taskXml } from './task-xml.js';
import { commandLineOf } from './windows-command-line.js';
import { windowsTask } from './windows-task.js';

const definition: AgentDefinition = {
  mode: 'daemon',
  scope: 'system',
  account: null,
  root: '/opt/erp',
  home: '/opt/erp/.remendo',
  spare: null,
  command: ['/usr/local/bin/remendo', 'agent', '--root', '/opt/erp'],
};

const windowsRoot = 'C:\\Programas & Cia\\São João\\bin';
const windowsDefinition: AgentDefinition = {
  ...definition,
  root: windowsRoot,
  home: `${windowsRoot}\\.remendo`,
  command: ['C:\\Program Files\\Remendo\\remendo.exe', 'agent', '--root', windowsRoot],
};

describe('the name of an agent', () => {
  it('is readable, the same for one install root, and another for each other one', () => {
    expect(agentName('/opt/erp')).toMatch(/^remendo-erp-[0-9a-f]{8}$/);
    expect(agentName('/opt/erp')).not.toBe(agentName('/srv/erp'));
    expect(agentName('C:\\Loja São João\\')).toMatch(/^remendo-loja-s-o-jo-o-[0-9a-f]{8}$/);
    expect(agentName('/日本')).toMatch(/^remendo-[0-9a-f]{8}$/);
  });
});

describe('the unit of systemd', () => {
  const unit = (more: Partial<AgentDefinition>): string => systemdUnits('remendo-erp', { ...definition, ...more })[0]?.text ?? '';

  it('keeps a daemon running for ever, with growing pauses, after the network, with rights that still let it change the install root', () => {
    expect(unit({ account: 'erp' })).toBe(`[Unit]
Description=Remendo agent of /opt/erp
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=simple
ExecStart="/usr/local/bin/remendo" "agent" "--root" "/opt/erp"
Restart=always
RestartSec=60
RestartSteps=5
RestartMaxDelaySec=900
SuccessExitStatus=36 143
TimeoutStopSec=90
Nice=5
IOSchedulingClass=best-effort
IOSchedulingPriority=7
User=erp
NoNewPrivileges=yes
ProtectSystem=full
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes

[Install]
WantedBy=multi-user.target
`);
  });

  it('leaves folders of the system writable where the install is in one of them', () => {
    expect(unit({ root: '/usr/local/erp' })).not.toContain('ProtectSystem');
    expect(unit({ root: '/usrlocal/erp' })).toContain('ProtectSystem');
  });

  it('has every argument as it was given, whatever systemd would make of its signs', () => {
    const command = ['/opt/a b/remendo', 'agent', '--root', '/opt/50% "off" $HOME \\ São'] as const;
    expect(unit({ command })).toContain('ExecStart="/opt/a b/remendo" "agent" "--root" "/opt/50%% \\"off\\" $$HOME \\\\ São"\n');
    expect(() => unit({ root: '/opt/a\nExecStartPre=/bin/sh' })).toThrow('control characters');
  });

  it('where the agent updates itself, its spare looks first whether an update of it was cut short', () => {
    expect(unit({ spare: '/opt/agent/.remendo/spare/remendo' })).toContain(
      'ExecStartPre=-"/opt/agent/.remendo/spare/remendo" "agent" "--root" "/opt/erp" "--guard"\nExecStart="/usr/local',
    );
    const xml = taskXml({ ...windowsDefinition, spare: 'C:\\agent\\spare\\remendo.exe' }, { userName: '', mark: '' });
    expect(xml).toMatch(
      /<Command>C:\\agent\\spare\\remendo.exe<\/Command>\s+<Arguments>agent .* --guard<\/Arguments>[\s\S]+remendo.exe<\/Command>/,
    );
  });

  it('is started by a timer for one round at a time, where that is asked for', () => {
    const [service, timer] = systemdUnits('remendo-erp', { ...definition, mode: 'timer' });
    expect(service?.text).toContain('"--once"');
    expect(service?.text).not.toMatch(/Restart=|WantedBy/);
    expect(timer?.name).toBe('remendo-erp.timer');
    expect(timer?.text).toContain('OnUnitActiveSec=6h\nRandomizedDelaySec=30min');
  });

  const analyze = whereIs('systemd-analyze');
  it.skipIf(analyze === null)('is one that systemd finds nothing wrong with (needs systemd-analyze)', () => {
    const folder = mkdtempSync(join(tmpdir(), 'remendo-units-'));
    try {
      const command = [process.execPath, 'agent', '--root', '/opt/50% "off" $HOME São'] as const;
      for (const mode of ['daemon', 'timer'] as const) {
        for (const scope of ['system', 'user'] as const) {
          const units = systemdUnits(`remendo-${mode}-${scope}`, {
            ...definition,
            mode,
            scope,
            command,
            account: 'root',
            spare: '/no/such/spare',
          });
          for (const { name, text } of units) writeFileSync(join(folder, name), text);
          const paths = units.map(({ name }) => join(folder, name));
          expect(said(analyze ?? '', paths).replaceAll(unknownBefore254, '')).toBe('');
        }
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** Everything that it has to say. */
function said(analyze: string, units: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(analyze, ['verify', '--man=no', ...units], { encoding: 'utf8' });
  return status === 0 ? `${stdout}${stderr}` : `${status}: ${stdout}${stderr}`;
}

/** Told by systemd before 254, which has no pauses that grow. */
const unknownBefore254 = /^.*Unknown key (name )?'Restart(Steps|MaxDelaySec)' in section .*\n/gm;

function whereIs(program: string): string | null {
  try {
    return execFileSync('which', [program], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return null;
  }
}

const service = (tools: RecordedTools, more: Partial<AgentDefinition> = {}, isRoot = true, variables: readonly string[] = []) =>
  systemdService(
    { ...definition, ...more },
    { tools, isRoot, userName: 'ana', configFolder: '/home/ana/.config', callLine: 'remendo setup --root /opt/erp', variables },
  );
const name = `${agentName('/opt/erp')}.service`;
const timer = `${agentName('/opt/erp')}.timer`;
const booted = ['/run/systemd/system'];

describe('setting the agent up with systemd', () => {
  it('writes, enables and starts it; run again it changes nothing; a new definition starts it anew', async () => {
    const tools = recordedTools({ there: booted, refuses: ['systemctl is-enabled', 'systemctl is-active'] });
    expect(await service(tools).install()).toEqual({ outcome: 'made', name, commands: [] });
    expect(tools.lines()).toEqual([
      `write /etc/systemd/system/${name}`,
      'systemctl daemon-reload',
      `systemctl is-enabled --quiet ${name}`,
      `systemctl enable ${name}`,
      `systemctl restart ${name}`,
    ]);
    tools.refuse([]);
    expect((await service(tools).install()).outcome).toBe('kept');
    expect(tools.lines()).toEqual([`systemctl is-enabled --quiet ${name}`, `systemctl is-active --quiet ${name}`]);
    expect((await service(tools, { account: 'erp' }).install()).outcome).toBe('changed');
    expect(tools.lines()).toContain(`systemctl restart ${name}`);
  });

  it('a change that was cut short before the new definition was read is made good by the next call', async () => {
    const tools = recordedTools({ there: booted });
    await service(tools).install();
    tools.refuse(['systemctl daemon-reload']);
    await expect(service(tools, { account: 'erp' }).install()).rejects.toThrow('daemon-reload');
    // It was stopped first, so that this can be seen.
    expect(tools.lines().slice(-3)).toEqual([
      `systemctl stop ${name}`,
      `write /etc/systemd/system/${name}`,
      'systemctl daemon-reload',
    ]);
    tools.refuse(['systemctl is-active']);
    expect((await service(tools, { account: 'erp' }).install()).outcome).toBe('changed');
    expect(tools.lines().slice(-2)).toEqual(['systemctl daemon-reload', `systemctl restart ${name}`]);
  });

  it('an agent that runs as it should is started anew where its settings have changed', async () => {
    const tools = recordedTools({ there: booted });
    await service(tools).install();
    tools.lines();
    expect((await service(tools).install(true)).outcome).toBe('changed');
    expect(tools.lines().at(-1)).toBe(`systemctl restart ${name}`);
    await service(tools, { mode: 'timer' }).install();
    tools.lines();
    // The next round reads them.
    expect((await service(tools, { mode: 'timer' }).install(true)).outcome).toBe('kept');
  });

  it('a daemon that becomes a timer runs no longer, and the other way round', async () => {
    const tools = recordedTools({ there: booted });
    await service(tools).install();
    tools.lines();
    expect((await service(tools, { mode: 'timer' }).install()).outcome).toBe('changed');
    expect(tools.lines().slice(0, 3)).toEqual([
      `systemctl disable --now ${name}`,
      `remove /etc/systemd/system/${name}`,
      'systemctl daemon-reload',
    ]);
    expect(tools.exists(`/etc/systemd/system/${timer}`)).toBe(true);
    await service(tools).install();
    expect(tools.lines()).toContain(`systemctl disable --now ${timer}`);
    expect(tools.exists(`/etc/systemd/system/${timer}`)).toBe(false);
  });

  it('where systemd does not run, the units are written down with what to do with them', async () => {
    const tools = recordedTools({});
    const { outcome, commands } = await service(tools).install();
    expect(outcome).toBe('written');
    expect(tools.lines()).toEqual([`write /opt/erp/.remendo/service/${name}`]);
    expect(commands).toEqual([
      `install -D -m 644 /opt/erp/.remendo/service/${name} /etc/systemd/system/${name}`,
      'systemctl daemon-reload',
      `systemctl enable --now ${name}`,
    ]);
    const odd = "/srv/Loja d'Água 100%";
    const [copy] = (await service(tools, { root: odd, home: `${odd}/.remendo` }).install()).commands;
    expect(copy).toContain(`install -D -m 644 '/srv/Loja d'\\''Água 100%/.remendo/service/remendo-loja-d-gua-100-`);
  });

  it('a root that ends in a backslash takes no line of the unit along', () => {
    expect(systemdUnits('remendo-erp', { ...definition, root: '/opt/erp\\' })[0]?.text).toMatch(
      /^Description=Remendo agent of \/opt\/erp\/\nWants=/m,
    );
  });

  it('whoever is not root is told what to run, or takes one of their own, which lingers', async () => {
    const tools = recordedTools({ there: booted, refuses: ['systemctl --user is-enabled', 'loginctl'] });
    await expect(service(tools, {}, false).assertAllowed()).rejects.toMatchObject({
      code: 'SERVICE_FAILED',
      details: { command: 'sudo remendo setup --root /opt/erp' },
    });
    await expect(service(tools, {}, false, ['REMENDO_API_KEY']).assertAllowed()).rejects.toMatchObject({
      details: { command: 'sudo --preserve-env=REMENDO_API_KEY remendo setup --root /opt/erp' },
    });
    const own = service(tools, { scope: 'user' }, false);
    await own.assertAllowed();
    expect((await own.install()).commands).toEqual(['sudo loginctl enable-linger ana']);
    expect(tools.lines()).toContain(`systemctl --user enable ${name}`);
    expect(tools.exists(`/home/ana/.config/systemd/user/${name}`)).toBe(true);
  });

  it('what systemd says to a refusal is in the error', async () => {
    const tools = recordedTools({ there: booted, refuses: ['systemctl restart'], says: 'Unit is masked.' });
    await expect(service(tools).install()).rejects.toMatchObject({
      code: 'SERVICE_FAILED',
      message: `"systemctl restart ${name}" did not succeed: Unit is masked.`,
    });
  });

  it('is taken away whole, and then there is nothing to take away', async () => {
    const tools = recordedTools({ there: booted });
    await service(tools).install();
    expect(await service(tools).remove()).toBe(true);
    expect(tools.lines()).toContain(`systemctl disable --now ${name}`);
    expect(await service(tools).state()).toBe('missing');
    expect(await service(tools).remove()).toBe(false);
  });
});

describe('the task of Windows', () => {
  const options = { userName: 'LOJA\\ana', mark: 'remendo 1234' };

  it('starts with the machine and every day, runs as SYSTEM without a limit, on batteries too, and is started again', () => {
    expect(taskXml(windowsDefinition, options).replaceAll('\r\n', '\n')).toBe(`<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Source>remendo 1234</Source>
    <Description>Remendo agent of C:\\Programas &amp; Cia\\São João\\bin</Description>
  </RegistrationInfo>
  <Triggers>
    <BootTrigger>
      <Enabled>true</Enabled>
    </BootTrigger>
    <CalendarTrigger>
      <Repetition>
        <Interval>PT1H</Interval>
        <Duration>P1D</Duration>
        <StopAtDurationEnd>false</StopAtDurationEnd>
      </Repetition>
      <StartBoundary>2026-01-01T00:15:00</StartBoundary>
      <Enabled>true</Enabled>
      <ScheduleByDay>
        <DaysInterval>1</DaysInterval>
      </ScheduleByDay>
    </CalendarTrigger>
  </Triggers>
  <Principals>
    <Principal id="Agent">
      <UserId>S-1-5-18</UserId>
      <RunLevel>HighestAvailable</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <AllowHardTerminate>true</AllowHardTerminate>
    <StartWhenAvailable>true</StartWhenAvailable>
    <RunOnlyIfNetworkAvailable>false</RunOnlyIfNetworkAvailable>
    <IdleSettings>
      <StopOnIdleEnd>false</StopOnIdleEnd>
      <RestartOnIdle>false</RestartOnIdle>
    </IdleSettings>
    <AllowStartOnDemand>true</AllowStartOnDemand>
    <Enabled>true</Enabled>
    <Hidden>false</Hidden>
    <RunOnlyIfIdle>false</RunOnlyIfIdle>
    <WakeToRun>false</WakeToRun>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>7</Priority>
    <RestartOnFailure>
      <Interval>PT5M</Interval>
      <Count>12</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context="Agent">
    <Exec>
      <Command>C:\\Program Files\\Remendo\\remendo.exe</Command>
      <Arguments>agent --root &quot;C:\\Programas &amp; Cia\\São João\\bin&quot;</Arguments>
    </Exec>
  </Actions>
</Task>
`);
  });

  it('an account of its own needs no password, and a person’s runs while they are signed in', () => {
    const account = taskXml({ ...windowsDefinition, account: 'LOJA\\erp' }, options);
    expect(account).toMatch(/<UserId>LOJA\\erp<\/UserId>\s+<LogonType>S4U<\/LogonType>\s+<RunLevel>LeastPrivilege/);
    expect(taskXml({ ...windowsDefinition, account: 'NT AUTHORITY\\LocalService' }, options)).not.toContain('LogonType');
    const own = taskXml({ ...windowsDefinition, scope: 'user', mode: 'timer' }, options);
    expect(own).toMatch(/<LogonTrigger>\s+<Enabled>true<\/Enabled>\s+<UserId>LOJA\\ana<\/UserId>/);
    expect(own).toContain('<LogonType>InteractiveToken</LogonType>');
    expect(own).toContain('<Interval>PT6H</Interval>');
    expect(own).toMatch(/<Arguments>agent .* --once<\/Arguments>/);
    expect(own).not.toContain('BootTrigger');
  });

  it('has arguments that programs take apart as they were', () => {
    expect(commandLineOf(['agent', '', 'a b', 'C:\\x y\\', 'say "hi"', 'a\\"b', 'C:\\plain\\'])).toBe(
      'agent "" "a b" "C:\\x y\\\\" "say \\"hi\\"" "a\\\\\\"b" C:\\plain\\',
    );
  });
});

describe('setting the agent up with the task scheduler', () => {
  const schtasks = 'C:\\Windows\\System32\\schtasks.exe';
  const taskName = `Remendo\\${agentName(windowsRoot)}`;
  const file = `${windowsRoot}\\.remendo\\service\\${agentName(windowsRoot)}.xml`;
  const task = (tools: RecordedTools, more: Partial<AgentDefinition> = {}, isElevated = true) =>
    windowsTask(
      { ...windowsDefinition, ...more },
      { tools, systemRoot: 'C:\\Windows', isElevated: async () => isElevated, userName: 'LOJA\\ana', callLine: 'remendo setup' },
    );

  it('hands its definition over as a file in UTF-16 and starts it; run again it changes nothing', async () => {
    const tools = recordedTools({ refuses: [`${schtasks} /Query`] });
    expect(await task(tools).install()).toEqual({ outcome: 'made', name: taskName, commands: [] });
    expect(tools.lines()).toEqual([
      `${schtasks} /Query /TN ${taskName} /XML`,
      `write ${file}`,
      `${schtasks} /Create /TN ${taskName} /XML ${file} /F`,
      `${schtasks} /Run /TN ${taskName}`,
    ]);
    const written = tools.bytes(file);
    expect([...written.subarray(0, 2)]).toEqual([0xff, 0xfe]);
    // As the console gives it: two bytes a character, taken for one each.
    tools.refuse([], Buffer.from(written).toString('latin1'));
    expect((await task(tools).install()).outcome).toBe('kept');
    expect(tools.lines()).toHaveLength(1);
    expect((await task(tools).install(true)).outcome).toBe('changed');
    expect(tools.lines().slice(-2)).toEqual([`${schtasks} /End /TN ${taskName}`, `${schtasks} /Run /TN ${taskName}`]);
    expect((await task(tools, { account: 'LOJA\\erp' }).install()).outcome).toBe('changed');
    expect(tools.lines()).toContain(`${schtasks} /End /TN ${taskName}`);
  });

  it('refuses a path in which the scheduler would put a variable', () => {
    const root = 'C:\\erp %windir% 100%';
    const command = ['C:\\Remendo\\remendo.exe', 'agent', '--root', root] as const;
    expect(() => task(recordedTools({}), { root, command })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(task(recordedTools({}), { root: 'C:\\erp 100%' }).name).toContain('erp-100');
  });

  it('is taken away when it is there; without an administrator’s rights what to do is said', async () => {
    const tools = recordedTools({});
    expect(await task(tools).remove()).toBe(true);
    expect(tools.lines()).toContain(`${schtasks} /Delete /TN ${taskName} /F`);
    tools.refuse([`${schtasks} /Query`]);
    expect(await task(tools).remove()).toBe(false);
    await expect(task(tools, {}, false).assertAllowed()).rejects.toMatchObject({ code: 'SERVICE_FAILED' });
    await task(tools, { scope: 'user' }, false).assertAllowed();
  });
});
