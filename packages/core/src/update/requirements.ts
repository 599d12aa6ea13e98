/** What a release requires of the machine (product row C8), held against it before anything is downloaded. */
import semver from 'semver';
import { UpdaterError } from '../errors.js';
import { numberText } from '../planner/number-text.js';

/** `windows`, `linux`, `darwin`, …; the version as the system counts it: `10.0.17763`. */
export interface OperatingSystem {
  readonly name: string;
  readonly version: string;
}

export interface Machine {
  readonly operatingSystem: OperatingSystem;
  /** Of the volume that holds the install. */
  readonly freeBytes: () => Promise<number>;
  /** The version of a component of this machine, as it says itself (`PHP 8.2.12 (cli)`); null: it is not there, or nobody knows how to ask. */
  readonly componentVersion: (name: string, signal?: AbortSignal) => Promise<string | null>;
}

/**
 * Named components to ranges of semver, as npm writes them: `php` to `>=8.2`. `os` names systems, each with a range if one
 * matters: `windows >=10.0.17763 || linux`. `disk_bytes` is the least free space: `>=500000000` or `500000000`.
 * @throws UpdaterError REQUIREMENT_UNMET with all that is missing in `details.unmet`.
 */
export async function assertRequirements(
  requirements: Readonly<Record<string, string>>,
  machine: Machine,
  signal?: AbortSignal,
): Promise<void> {
  const unmet: string[] = [];
  for (const [name, range] of Object.entries(requirements)) {
    signal?.throwIfAborted();
    const problem = await problemWith({ name, range }, machine, signal);
    if (problem !== null) unmet.push(problem);
  }
  if (unmet.length > 0) throw new UpdaterError('REQUIREMENT_UNMET', unmet.join('; '), { details: { unmet } });
}

interface Requirement {
  readonly name: string;
  readonly range: string;
}

async function problemWith({ name, range }: Requirement, machine: Machine, signal?: AbortSignal): Promise<string | null> {
  if (name === 'os') return problemWithSystem(range, machine.operatingSystem);
  if (name === 'disk_bytes') return problemWithSpace(range, await machine.freeBytes());
  if (semver.validRange(range) === null) return `${name} ${range} is no range of versions`;
  const said = await machine.componentVersion(name, signal);
  if (said === null) return `${name} ${range} is required, and none was found`;
  const found = semver.coerce(said, { includePrerelease: true });
  if (found !== null && satisfies(found, range)) return null;
  return `${name} ${range} is required, and ${found === null ? 'its version can not be told' : `${found.version} was found`}`;
}

/** A component of the future that calls itself 8.2.0-rc1 is below 8.2, and above 8.1. */
const satisfies = (found: semver.SemVer, range: string): boolean => semver.satisfies(found, range, { includePrerelease: true });

function problemWithSystem(wanted: string, { name, version }: OperatingSystem): string | null {
  const found = semver.coerce(version);
  const isMet = wanted.split('||').some((alternative) => {
    const [, system = '', range = ''] = /^([a-z]*)(.*)$/i.exec(alternative.trim()) ?? [];
    const isSystem = system === '' || system.toLowerCase() === name || (system.toLowerCase() === 'win32' && name === 'windows');
    if (!isSystem || (system === '' && range === '')) return false;
    return range === '' || (found !== null && semver.validRange(range) !== null && satisfies(found, range));
  });
  return isMet ? null : `the operating system has to be ${wanted}, and is ${name} ${version}`;
}

function problemWithSpace(wanted: string, freeBytes: number): string | null {
  const bytes = Number(/^(?:>=)?(\d{1,15})$/.exec(wanted.replaceAll(' ', ''))?.[1] ?? Number.NaN);
  if (Number.isNaN(bytes)) return `disk_bytes ${wanted} is no number of bytes`;
  return freeBytes >= bytes ? null : `${numberText(bytes)} bytes have to be free, and ${numberText(freeBytes)} are`;
}
