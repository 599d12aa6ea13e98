/** From a terminal's settings to the library's updater. */
import {
  createUpdater,
  type InstallGate,
  type InstallLayout,
  limits,
  type ObjectSource,
  problemsOfSteps,
  type Steps,
  type Updater,
  UpdaterError,
  type UpdaterOptions,
} from '@remendo/core';
import type { Credentials } from '../credentials.js';
import { readNamedFile } from '../named-path.js';
import { componentVersions } from '../pipeline/component-version.js';
import type { Settings } from '../settings.js';

/** Settings that the updater itself is made of. */
export const updaterSettingNames = [
  'server',
  'application',
  'platform',
  'channel',
  'preserve',
  'bandwidthBytesPerSecond',
  'steps',
  'components',
  'allowInsecure',
  'openpgpKeys',
  'trustRoot',
  'trustFirstUse',
] as const;

export interface UpdaterSurroundings extends Required<Pick<UpdaterOptions, 'host' | 'onEvent'>> {
  readonly layout: InstallLayout;
  /** The folder of an offline bundle, absolute; null: there is none. */
  readonly bundle: string | null;
  readonly sources: readonly ObjectSource[];
  readonly credentials: Credentials;
  readonly gate: InstallGate;
}

/** RFC 2606: never anybody's. Commands that ask no server have none. */
export const noServer = 'https://server.invalid/';

/** @throws UpdaterError CONFIG_INVALID with every problem, DOWNLOAD_INSECURE. */
export async function makeUpdater(
  settings: Settings<(typeof updaterSettingNames)[number]>,
  { layout, bundle, credentials, ...given }: UpdaterSurroundings,
): Promise<Updater> {
  const { server, application, platform, bandwidthBytesPerSecond, openpgpKeys, trustRoot } = settings;
  const { root, home } = layout;
  // Where they can not be read nothing is installed: not having them would mean that nothing has to be signed.
  const openPgpKeys = openpgpKeys === null ? null : await readNamedFile(openpgpKeys, limits.openPgpKeysBytesMax);
  return createUpdater({
    ...given,
    root,
    home,
    server: server ?? noServer,
    ...(bundle === null ? {} : { offline: { folder: bundle, hasServer: server !== null } }),
    channel: settings.channel ?? 'stable',
    preserve: settings.preserve ?? [],
    ...(application === null ? {} : { application }),
    ...(platform === null ? {} : { platform }),
    ...(bandwidthBytesPerSecond === null ? {} : { bandwidthBytesPerSecond }),
    trust: {
      kind: 'signed',
      firstUse: settings.trustFirstUse ?? true,
      ...(trustRoot === null ? {} : { root: await readNamedFile(trustRoot, limits.rootBytesMax) }),
    },
    ...(openPgpKeys === null ? {} : { openPgpKeys }),
    steps: stepsOf(settings.steps ?? {}),
    componentVersion: componentVersions(settings.components ?? {}, root),
    http: { allowInsecure: settings.allowInsecure ?? false, credentials: () => credentials },
  });
}

/** @throws UpdaterError CONFIG_INVALID with every problem. */
function stepsOf(steps: Steps): Steps {
  const problems = problemsOfSteps(steps);
  if (problems.length > 0) throw new UpdaterError('CONFIG_INVALID', 'the settings are not right', { details: { problems } });
  return steps;
}
