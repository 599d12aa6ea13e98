import { installLayout } from '@remendo/core';
import { describe, expect, it } from 'vitest';
import { parseAccessList } from './security-descriptor.js';
import { parseSavedAccessList, parseWhoAmI, windowsPermissions } from './windows-permissions.js';
import type { WindowsTools } from './windows-tools.js';

const ana = 'S-1-5-21-1004336348-1177238915-682003330-1001';

/** Accounts and groups have the names of the system's language; SIDs do not. */
const whoAmI = {
  english: `"desktop-1\\ana","${ana}"\r\n"Everyone","Well-known group","S-1-1-0","Mandatory group, Enabled by default, Enabled group"\r\n"BUILTIN\\Administrators","Alias","S-1-5-32-544","Group used for deny only"\r\n"Mandatory Label\\Medium Mandatory Level","Label","S-1-16-8192",""\r\n`,
  portuguese: `"caixa-3\\ana","${ana}"\r\n"Todos","Grupo conhecido","S-1-1-0","Grupo obrigat\xf3rio, Habilitado por padr\xe3o, Grupo habilitado"\r\n"BUILTIN\\Administradores","Alias","S-1-5-32-544","Grupo obrigat\xf3rio"\r\n"R\xf3tulo obrigat\xf3rio\\N\xedvel obrigat\xf3rio alto","R\xf3tulo","S-1-16-12288",""\r\n`,
  german: `"nt-autorit\x84t\\system","S-1-5-18"\r\n"VORDEFINIERT\\Administratoren","Alias","S-1-5-32-544","Standardm\x84\xe1ig aktiviert"\r\n"Verbindliche Beschriftung\\Systemverbindlichkeitsstufe","Bezeichnung","S-1-16-16384",""\r\n`,
  italian: `"cassa-1\\ana","${ana}"\r\n"BUILTIN\\Users","Alias","S-1-5-32-545","Gruppo obbligatorio"\r\n"Etichetta obbligatoria\\Livello obbligatorio medio","Etichetta","S-1-16-8192",""\r\n`,
};

describe('who runs this program, by whoami in any language', () => {
  it.each([
    ['english', ana, false],
    ['portuguese', ana, true],
    ['german', 'S-1-5-18', true],
    ['italian', ana, false],
  ] as const)('%s', (language, sid, isPrivileged) => {
    expect(parseWhoAmI(whoAmI[language])).toEqual({ sid, isPrivileged });
  });

  it('an answer without an account is none', () => {
    expect(() => parseWhoAmI('ERROR: Unable to get user claims information.')).toThrow('did not name');
  });
});

/** What a folder below a drive's root has from it: authenticated users may change everything. */
const fromDrive = 'D:AI(A;OICIID;FA;;;BA)(A;OICIID;FA;;;SY)(A;OICIID;0x1200a9;;;BU)(A;ID;0x1301bf;;;AU)(A;OICIIOID;SDGXGWGR;;;AU)';
const drive = 'D:PAI(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;OICI;0x1200a9;;;BU)(A;OICIIO;SDGXGWGR;;;AU)(A;;LC;;;AU)';
const programFiles =
  'D:PAI(A;OICI;FA;;;S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464)(A;;0x1301bf;;;SY)(A;OICIIO;GA;;;SY)(A;;0x1301bf;;;BA)(A;OICIIO;GA;;;BA)(A;;0x1200a9;;;BU)(A;OICIIO;GXGR;;;BU)(A;OICIIO;GA;;;CO)';
const tightRoot = 'D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)';
const tightHome = 'D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)';

const saved = (name: string, sddl: string, bom = ''): Uint8Array => Buffer.from(`${bom}${name}\r\n${sddl}\r\n`, 'utf16le');

describe('access control lists as icacls saves them', () => {
  it('are read with and without a mark at their beginning, whatever the name', () => {
    for (const bom of ['', '\ufeff']) {
      const { isProtected, grants } = parseSavedAccessList(saved('Padaria São João', tightRoot, bom));
      expect(isProtected).toBe(true);
      expect(grants.map(({ sid }) => sid)).toEqual(['S-1-5-18', 'S-1-5-32-544', 'S-1-5-32-545']);
    }
  });

  it('say what is inherited and what is only for what is made there', () => {
    expect(parseAccessList(fromDrive).grants.slice(3)).toEqual([
      { sid: 'S-1-5-11', rights: 0x13_01bf, isInherited: true, isInheritOnly: false },
      { sid: 'S-1-5-11', rights: 0x4001_0000, isInherited: true, isInheritOnly: true },
    ]);
  });

  it('are passed over where they deny or watch; a condition makes no difference', () => {
    const list = 'D:(D;;FA;;;BU)(XA;;FA;;;WD;(@User.Title=="a;(b)" || (Member_of {SID(BA)})))(A;;FR;;;BU)S:(AU;SA;FA;;;WD)';
    expect(parseAccessList(list).grants.map(({ sid }) => sid)).toEqual(['S-1-1-0', 'S-1-5-32-545']);
  });

  it('give everything to everybody where there are none, and to whoever has a right that nobody knows', () => {
    expect(parseAccessList('D:NO_ACCESS_CONTROL').grants).toEqual([expect.objectContaining({ sid: 'S-1-1-0' })]);
    expect(parseAccessList('D:(A;;XYZW;;;BU)').grants[0]?.rights).not.toBe(0);
  });

  it.each(['', 'C:\\erp', 'Zugriff verweigert', 'O:BAG:BA'])('are not %j', (text) => {
    expect(() => parseAccessList(text)).toThrow('did not write');
  });
});

const layout = { ...installLayout('/'), root: 'C:\\sistema\\bin', home: 'C:\\sistema\\bin\\.remendo' };

/** A machine whose folders have these lists; commands of icacls are kept. */
function machine(user: string, lists: Readonly<Record<string, string>>) {
  const commands: string[][] = [];
  const tools: WindowsTools = {
    exists: (path) => path in lists,
    whoAmI: async () => user,
    saveAccessList: async (path) => saved('x', lists[path] ?? ''),
    icacls: async (args) => void commands.push([...args]),
  };
  return { permissions: windowsPermissions(tools), commands };
}

const open = { 'C:\\': drive, 'C:\\sistema': fromDrive, 'C:\\sistema\\bin': fromDrive, 'C:\\sistema\\bin\\.remendo': fromDrive };

describe('permissions of Windows', () => {
  it('below a drive’s root authenticated users can write, and are told, the folder above with them', async () => {
    const { permissions } = machine(whoAmI.english, open);
    expect(await permissions.inspect(layout)).toEqual({
      writers: ['C:\\sistema\\bin', 'C:\\sistema\\bin\\.remendo', 'C:\\sistema'].map((path) => ({
        path,
        who: 'Authenticated Users (S-1-5-11)',
      })),
      isPrivileged: false,
      unknown: null,
    });
  });

  it('what is tight, and Program Files above it, is nobody’s to write', async () => {
    const lists = {
      'C:\\': drive,
      'C:\\Program Files': programFiles,
      'C:\\Program Files\\erp': tightRoot,
      'C:\\Program Files\\erp\\.remendo': tightHome,
    };
    const inFiles = { ...layout, root: 'C:\\Program Files\\erp', home: 'C:\\Program Files\\erp\\.remendo' };
    const { permissions } = machine(whoAmI.portuguese, lists);
    expect(await permissions.inspect(inFiles)).toEqual({ writers: [], isPrivileged: true, unknown: null });
    expect((await permissions.planTightening(inFiles)).map(({ line }) => line)).toEqual([
      'icacls "C:\\Program Files\\erp" /setowner *S-1-5-32-544 /q',
      'icacls "C:\\Program Files\\erp\\.remendo" /setowner *S-1-5-32-544 /q',
    ]);
  });

  it('an administrator takes the right to write from others: shown as it is run, by SID', async () => {
    const { permissions, commands } = machine(whoAmI.portuguese, {
      'C:\\': drive,
      'C:\\sistema': tightRoot,
      'C:\\sistema\\bin': `${fromDrive}(A;OICI;FA;;;WD)`,
    });
    const steps = await permissions.planTightening(layout);
    expect(steps.map(({ line }) => line)).toEqual([
      'icacls C:\\sistema\\bin /inheritance:r /grant:r "*S-1-5-18:(OI)(CI)F" "*S-1-5-32-544:(OI)(CI)F" "*S-1-5-32-545:(OI)(CI)RX" /q',
      'icacls C:\\sistema\\bin /remove:g *S-1-1-0 /q',
      'icacls C:\\sistema\\bin\\.remendo /inheritance:r /grant:r "*S-1-5-18:(OI)(CI)F" "*S-1-5-32-544:(OI)(CI)F" /q',
      'icacls C:\\sistema\\bin /setowner *S-1-5-32-544 /q',
      'icacls C:\\sistema\\bin\\.remendo /setowner *S-1-5-32-544 /q',
    ]);
    for (const { apply } of steps) await apply();
    expect(commands[0]).toEqual([
      'C:\\sistema\\bin',
      '/inheritance:r',
      '/grant:r',
      '*S-1-5-18:(OI)(CI)F',
      '*S-1-5-32-544:(OI)(CI)F',
      '*S-1-5-32-545:(OI)(CI)RX',
      '/q',
    ]);
  });

  it('an account without an administrator’s rights keeps its own', async () => {
    const { permissions } = machine(whoAmI.italian, open);
    const lines = (await permissions.planTightening(layout)).map(({ line }) => line);
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toContain(`"*${ana}:(OI)(CI)F"`);
  });

  it('for an administrator the same account with its rights held back is somebody who may do less', async () => {
    const own = `D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;${ana})`;
    const lists = { 'C:\\': drive, 'C:\\sistema': tightRoot, 'C:\\sistema\\bin': own, 'C:\\sistema\\bin\\.remendo': own };
    expect((await machine(whoAmI.italian, lists).permissions.inspect(layout)).writers).toEqual([]);
    expect((await machine(whoAmI.portuguese, lists).permissions.inspect(layout)).writers.map(({ who }) => who)).toEqual([ana, ana]);
  });

  it('what icacls can not tell is said, not guessed', async () => {
    const { permissions } = machine(whoAmI.english, { ...open, 'C:\\sistema\\bin': 'nonsense' });
    expect(await permissions.inspect(layout)).toMatchObject({ unknown: 'icacls did not write an access control list' });
  });
});
