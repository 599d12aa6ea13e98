import type { StepCommand } from '@remendo/core';
import { expect, it } from 'vitest';
import { componentVersions, versionIn } from './component-version.js';

it.each([
  ['PHP 8.2.12 (cli) (built: Oct 26 2023 17:33:49) (ZTS Visual C++ 2019 x64)', '8.2.12'],
  ['mysql  Ver 8.0.36 for Linux on x86_64 (MySQL Community Server - GPL)', '8.0.36'],
  ['mysql  Ver 15.1 Distrib 10.11.6-MariaDB, for debian-linux-gnu (x86_64)', '10.11.6-MariaDB,'],
  ['psql (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)', '15.14'],
  ['openjdk version "1.8.0_392"\nOpenJDK Runtime Environment', '1.8.0_392'],
  ['openjdk version "17" 2021-09-14', '17'],
  ['v22.23.3', '22.23.3'],
  ['no number at all', null],
])('in %j the version is %j', (output, version) => {
  expect(versionIn(output)).toBe(version);
});

it('a component is asked as configured, else as it is known; what fails or is unknown is not there', async () => {
  const asked: StepCommand[] = [];
  const steps = {
    async run(command: StepCommand) {
      asked.push(command);
      const failure = command.command === 'psql' ? 'psql could not be started' : null;
      return { failure, output: 'version 3.4.5', durationMs: 1 };
    },
    end: () => Promise.resolve(),
  };
  const versionOf = componentVersions({ erpdb: { command: 'C:\\erp\\db.exe', args: ['/v'] } }, 'C:\\erp', steps);
  expect(await versionOf('erpdb')).toBe('3.4.5');
  expect(await versionOf('php')).toBe('3.4.5');
  expect(await versionOf('postgresql')).toBeNull();
  expect(await versionOf('something-else')).toBeNull();
  expect(asked.map(({ command, args, folder }) => [command, ...args, folder])).toEqual([
    ['C:\\erp\\db.exe', '/v', 'C:\\erp'],
    ['php', '--version', 'C:\\erp'],
    ['psql', '--version', 'C:\\erp'],
  ]);
});
