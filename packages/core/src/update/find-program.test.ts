import { describe, expect, it } from 'vitest';
import { findProgram } from './find-program.js';

function search(platform: NodeJS.Platform, path: string, ...programs: readonly string[]) {
  return { platform, path, isProgram: (one: string) => programs.includes(one) };
}

describe('findProgram on POSIX', () => {
  const find = (command: string, path: string, ...programs: readonly string[]) =>
    findProgram({ command, folder: '/opt/erp' }, search('linux', path, ...programs));

  it('takes an absolute path as it is, then what lies below the folder, then a name on the PATH', () => {
    expect(find('/usr/bin/node', '', '/usr/bin/node')).toBe('/usr/bin/node');
    expect(find('bin/erp', '/usr/bin', '/opt/erp/bin/erp')).toBe('/opt/erp/bin/erp');
    expect(find('./erp', '/usr/bin', '/opt/erp/erp', '/usr/bin/erp')).toBe('/opt/erp/erp');
    expect(find('node', '/usr/local/bin:/usr/bin', '/opt/erp/node', '/usr/bin/node')).toBe('/opt/erp/node');
    expect(find('node', '/usr/local/bin:/usr/bin', '/usr/bin/node')).toBe('/usr/bin/node');
  });

  it('takes no empty or relative part of the PATH for the current folder', () => {
    expect(() => find('node', ':.:bin::', 'node', 'bin/node', '/node')).toThrow('no such program');
  });

  it('looks for nothing but names on the PATH', () => {
    expect(() => find('../node', '/usr/bin/x', '/usr/bin/node')).toThrow('no such program');
  });
});

describe('findProgram on Windows', () => {
  const find = (command: string, path: string, ...programs: readonly string[]) =>
    findProgram({ command, folder: 'C:\\erp' }, search('win32', path, ...programs));

  it('adds what CreateProcess would add, and takes the install root before the PATH', () => {
    expect(find('Vnd.exe', '', 'C:\\erp\\Vnd.exe')).toBe('C:\\erp\\Vnd.exe');
    expect(find('Vnd', '', 'C:\\erp\\Vnd.exe')).toBe('C:\\erp\\Vnd.exe');
    expect(find('bin/Vnd', '', 'C:\\erp\\bin\\Vnd.exe')).toBe('C:\\erp\\bin\\Vnd.exe');
    expect(find('node', 'D:\\tools;C:\\node', 'C:\\node\\node.exe')).toBe('C:\\node\\node.exe');
  });

  it('looks in no current folder, neither by itself nor because the PATH says so', () => {
    expect(() => find('node', '.;;tools', 'node.exe', '.\\node.exe', 'tools\\node.exe')).toThrow('no such program');
    expect(() => find('C:node.exe', 'C:\\', 'C:node.exe')).toThrow('no such program');
  });

  it.each(['start.cmd', 'start.BAT', 'start.bat.', 'start.cmd. .'])('starts no %s: that would be a shell', (command) => {
    expect(() => find(command, '', `C:\\erp\\${command}`)).toThrow('needs a shell');
  });
});
