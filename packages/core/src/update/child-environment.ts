/**
 * The environment of programs that this one starts. Secrets of the updater stand in variables whose names begin with
 * `REMENDO_`, so none of these goes to anybody; names count without case, as they do on Windows.
 */

type Environment = Readonly<Record<string, string | undefined>>;

const ownPrefix = 'REMENDO_';

/** What a service manager or a parent of this process said to it, and to nobody else. */
const saidToUs = [
  'CREDENTIALS_DIRECTORY',
  'LISTEN_FDNAMES',
  'LISTEN_FDS',
  'LISTEN_PID',
  'NODE_CHANNEL_FD',
  'NODE_CHANNEL_SERIALIZATION_MODE',
  'NODE_UNIQUE_ID',
  'NOTIFY_SOCKET',
  'WATCHDOG_PID',
  'WATCHDOG_USEC',
];

/** What programs need to start at all, to find others, and to know language, time zone, home and temporary folder. */
const neededByAll = [
  'APPDATA',
  'COMSPEC',
  'HOME',
  'LANG',
  'LC_ALL',
  'LOCALAPPDATA',
  'LOGNAME',
  'NUMBER_OF_PROCESSORS',
  'OS',
  'PATH',
  'PATHEXT',
  'PROCESSOR_ARCHITECTURE',
  'PROGRAMDATA',
  'PROGRAMFILES',
  'PROGRAMFILES(X86)',
  'SYSTEMDRIVE',
  'SYSTEMROOT',
  'TEMP',
  'TMP',
  'TMPDIR',
  'TZ',
  'USER',
  'USERDOMAIN',
  'USERNAME',
  'USERPROFILE',
  'WINDIR',
];

/** For the application: what it would have without an updater, which is everything but what is the updater's own. */
export const applicationEnvironment = (environment: Environment): Record<string, string> =>
  filtered(environment, (name) => !name.startsWith(ownPrefix) && !saidToUs.includes(name));

/**
 * For programs that work for the updater, steps and builds among them: what a program needs and nothing else, so that no
 * secret of whatever else runs on this machine comes along. Windows is told to look for no program in the current folder.
 */
export const toolEnvironment = (environment: Environment): Record<string, string> => ({
  ...filtered(environment, (name) => neededByAll.includes(name)),
  NoDefaultCurrentDirectoryInExePath: '1',
});

/** @param isLetThrough asked with the name in upper case. */
const filtered = (environment: Environment, isLetThrough: (name: string) => boolean): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environment).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && isLetThrough(entry[0].toUpperCase()),
    ),
  );
