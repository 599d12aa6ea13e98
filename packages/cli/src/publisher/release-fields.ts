/** What is told about a release when it is published: the options of the command as fields of the form. */
import { UpdaterError } from '@remendo/core';
import type { channels, releaseTypes } from '@remendo/core/protocol';
import { parseNames, parseShare } from '../operator/parse-rollout.js';
import { optionReader } from '../option-reader.js';

export const firstStates = ['draft', 'testing', 'published'] as const;
export const accesses = ['public', 'licensed'] as const;

export interface ReleaseOptions {
  readonly platform: string;
  readonly channel?: (typeof channels)[number];
  readonly type?: (typeof releaseTypes)[number];
  readonly state?: (typeof firstStates)[number];
  readonly share?: string;
  readonly groups?: string;
  readonly rings?: string;
  readonly floor?: boolean;
  /** NAME=RANGE each. */
  readonly requires?: readonly string[];
  readonly access?: (typeof accesses)[number];
  readonly title?: string;
  readonly description?: string;
  readonly changelog?: string;
  readonly breakingChanges?: string;
  readonly backup: boolean;
  readonly downtime?: boolean;
  readonly rollbackCompatible: boolean;
  readonly mandatory?: boolean;
}

/**
 * What is left out stays at the server's default.
 * @throws UpdaterError CONFIG_INVALID with every problem in `details.problems`.
 */
export function releaseFields(
  options: ReleaseOptions,
  release: { readonly application: string; readonly version: string },
): Readonly<Record<string, string>> {
  const { read, finish } = optionReader();
  const requirements = read('--requires', options.requires?.join('\n'), parseRequirements);
  const fields = {
    ...release,
    type: typeOf(options),
    platform: options.platform,
    title: options.title,
    description: options.description,
    changelog: options.changelog,
    breaking_changes: options.breakingChanges,
    requires_backup: options.backup ? undefined : 'false',
    requires_downtime: options.downtime === true ? 'true' : undefined,
    rollback_compatible: options.rollbackCompatible ? undefined : 'false',
    mandatory: options.mandatory === true ? 'true' : undefined,
    floor: options.floor === true ? 'true' : undefined,
    requirements: requirements === undefined ? undefined : JSON.stringify(requirements),
    state: options.state,
    rollout_share: read('--share', options.share, parseShare)?.toString(),
    rollout_groups: options.groups === undefined ? undefined : parseNames(options.groups).join(','),
    rollout_rings: options.rings === undefined ? undefined : parseNames(options.rings).join(','),
    access: options.access,
  };
  finish();
  return Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** A channel takes releases by their type, so naming the channel names the type. */
function typeOf({ type, channel }: ReleaseOptions): (typeof releaseTypes)[number] {
  const named = type ?? channel ?? 'stable';
  if (channel === 'stable' && named === 'development') {
    throw new UpdaterError('CONFIG_INVALID', 'the stable channel takes stable releases and hotfixes, no development releases');
  }
  return named;
}

/** `php=>=8.2` on each line: what is before the first `=` is the name. */
function parseRequirements(lines: string): Readonly<Record<string, string>> {
  const requirements = new Map<string, string>();
  for (const line of lines.split('\n')) {
    const [, name, range] = /^([^=\s]+)=(.*\S)$/.exec(line.trim()) ?? [];
    if (name === undefined || range === undefined) throw new Error(`${line} must be a name and a range, such as "php=>=8.2"`);
    if (requirements.has(name)) throw new Error(`names ${name} more than once`);
    requirements.set(name, range.trim());
  }
  return Object.fromEntries(requirements);
}
