import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, copyFile, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeFileHolders } from './node-file-holders.js';
import { parseWindowsProcesses } from './node-process-table.js';
import { nodeRunningPrograms } from './node-running-programs.js';
import { type ProcessEntry, runningFrom, splitCommandLine } from './running-from.js';

const entry = (pid: number, parts: Partial<ProcessEntry>): ProcessEntry => ({
  pid,
  parentPid: 1,
  executable: null,
  args: [],
  folder: null,
  libraries: [],
  ...parts,
});

describe('runningFrom on Windows', () => {
  const windows = (processes: readonly ProcessEntry[], pid = 1) =>
    runningFrom(processes, { root: 'C:\\Sistema\\bin', platform: 'win32', pid, isFile: () => true }).map((one) => one.pid);

  it('knows an executable below the folder however it is spelled', () => {
    expect(
      windows([
        entry(10, { executable: 'c:\\sistema\\BIN\\erp.exe' }),
        entry(11, { executable: '\\\\?\\C:\\Sistema\\bin\\pdv\\pdv.exe' }),
        entry(12, { executable: 'C:\\Sistema\\binaries\\other.exe' }),
        entry(13, { executable: 'D:\\Sistema\\bin\\erp.exe' }),
        entry(14, {}),
      ]),
    ).toEqual([10, 11]);
  });

  it('knows an interpreter by the script that is its first argument', () => {
    const java = 'C:\\Program Files\\Java\\bin\\javaw.exe';
    const run = (line: string) => windows([entry(10, { executable: java, args: splitCommandLine(line) })]);
    expect(run(`"${java}" -Xmx512m -jar "C:\\Sistema\\bin\\erp.jar" --till 3`)).toEqual([10]);
    expect(run(`"${java}" -jar D:\\other.jar C:\\Sistema\\bin\\erp.ini`)).toEqual([]);
  });

  it('counts nobody who runs the updater, at work for somebody else too, but an application that started it', () => {
    const agent = 'C:\\Sistema\\bin\\remendo.exe';
    const processes = [
      entry(10, { executable: 'C:\\Sistema\\bin\\erp.exe' }),
      entry(11, { executable: agent, parentPid: 10 }),
      entry(12, { executable: agent.toUpperCase(), parentPid: 11 }),
      entry(13, { executable: agent, parentPid: 1 }),
    ];
    expect(windows(processes, 12)).toEqual([10]);
  });

  it('reads what PowerShell tells, and leaves out what it does not', () => {
    const told = JSON.stringify([
      { ProcessId: 4, ParentProcessId: 0, ExecutablePath: null, CommandLine: null },
      { ProcessId: 10, ParentProcessId: 4, ExecutablePath: 'C:\\Sistema\\bin\\erp.exe', CommandLine: 'erp.exe "a b"' },
      'noise',
    ]);
    expect(parseWindowsProcesses(`${told}\r\n`)).toEqual([
      entry(4, { parentPid: 0 }),
      entry(10, { parentPid: 4, executable: 'C:\\Sistema\\bin\\erp.exe', args: ['erp.exe', 'a b'] }),
    ]);
  });

  it.each([
    ['a b\tc', ['a', 'b', 'c']],
    ['"a b" ""', ['a b', '']],
    ['a\\b "c\\d\\\\" e', ['a\\b', 'c\\d\\', 'e']],
    ['a\\"b', ['a"b']],
    ['"a\\\\\\"b"', ['a\\"b']],
    ['', []],
  ])('takes the command line %j apart', (line, args) => {
    expect(splitCommandLine(line)).toEqual(args);
  });
});

describe.runIf(process.platform === 'linux')('nodeRunningPrograms on Linux', () => {
  let root: string;
  const started: ChildProcess[] = [];
  const start = async (command: string, args: readonly string[], folder = '/') => {
    const child = spawn(command, args, { cwd: folder, stdio: ['pipe', 'pipe', 'ignore'] });
    started.push(child);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    return child.pid;
  };
  const running = async (folder = root) => (await nodeRunningPrograms().programsRunningFrom(folder))?.map(({ pid }) => pid);

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'remendo-running-'));
    await writeFile(join(root, 'app.sh'), 'echo up; read line');
  });
  afterEach(async () => {
    for (const child of started.splice(0)) child.kill('SIGKILL');
    await rm(root, { recursive: true, force: true });
  });

  it('finds an executable of the folder, also through a link to it and after it was moved', async () => {
    const program = join(root, 'erp');
    await copyFile('/bin/sh', program);
    await chmod(program, 0o755);
    const pid = await start(program, ['-c', 'echo up; read line; true']);
    await symlink(root, `${root}-link`);
    expect(await running()).toEqual([pid]);
    expect(await running(`${root}-link`)).toEqual([pid]);
    await rm(`${root}-link`);
    await rm(program);
    expect(await running()).toEqual([pid]);
  });

  it('finds an interpreter that runs a script of the folder, and no console that only stands there', async () => {
    const pid = await start('/bin/sh', ['app.sh'], root);
    await start('/bin/sh', ['-c', 'echo up; read line; true'], root);
    expect(await running()).toEqual([pid]);
  });

  it('takes a program given as text for no file, however long it is', async () => {
    await start('/bin/sh', ['-c', `echo up; read line; true ${'x'.repeat(5000)}`], root);
    expect(await running()).toEqual([]);
  });

  it('names who runs a file and who has it open', async () => {
    const program = join(root, 'erp');
    await copyFile('/bin/sh', program);
    await chmod(program, 0o755);
    const pid = await start(program, ['-c', `exec 3<${join(root, 'app.sh')}; echo up; read line; true`]);
    expect(await nodeFileHolders()(program)).toEqual([{ pid, program }]);
    expect(await nodeFileHolders()(join(root, 'app.sh'))).toEqual([{ pid, program }]);
    expect(await nodeFileHolders()(join(root, 'nobody'))).toEqual([]);
  });

  it('does not count this process', async () => {
    expect(await running('/')).not.toContain(process.pid);
  });
});
