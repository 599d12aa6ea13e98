/** What operators ask the server about releases, and have it change; every answer is held against its shape. */
import { answerValidator, type HttpClient, parseVersion } from '@remendo/core';
import {
  type ChannelChange,
  ChannelList,
  type channels,
  type ReleaseChange,
  ReleaseList,
  ReleaseSummary,
  type Rollout,
  type RolloutChange,
  RolloutList,
} from '@remendo/core/protocol';
import { openServer } from '../open-server.js';
import type { Settings } from '../settings.js';

export type OperatorSettings = Settings<'server' | 'application' | 'platform' | 'allowInsecure' | 'token'>;

/**
 * Versions are as people write them. Application and platform are those of the settings; the server's default where they
 * name none. A change goes to all builds of a release.
 * @throws UpdaterError RELEASE_VERSION_INVALID, RELEASE_NOT_FOUND, APPLICATION_NOT_FOUND, AUTH_…, DOWNLOAD_…
 */
export interface ReleasesApi {
  list(): Promise<readonly ReleaseSummary[]>;
  find(version: string): Promise<ReleaseSummary>;
  /** Of every application. */
  channels(): Promise<ChannelList['channels']>;
  /** Null where the release has none. */
  rollout(version: string): Promise<Rollout | null>;
  /** @throws UpdaterError RELEASE_STATE too. */
  change(version: string, change: ReleaseChange): Promise<ReleaseSummary>;
  changeRollout(version: string, change: RolloutChange): Promise<Rollout | null>;
  /** @throws UpdaterError RELEASE_STATE too. */
  promote(channel: (typeof channels)[number], change: ChannelChange): Promise<void>;
}

const validate = {
  list: answerValidator(ReleaseList),
  one: answerValidator(ReleaseSummary),
  rollouts: answerValidator(RolloutList),
  channels: answerValidator(ChannelList),
};

export function openReleasesApi(settings: OperatorSettings, signal: AbortSignal): ReleasesApi {
  const http: HttpClient = openServer(settings, { authorization: `Bearer ${settings.token ?? ''}` });
  const { application, platform } = settings;
  const query = { ...(application === null ? {} : { application }), ...(platform === null ? {} : { platform }) };
  const below = (folder: string, version: string): string =>
    `api/v1/${folder}/${encodeURIComponent(parseVersion(version).version)}`;
  const rolloutIn = ({ rollouts }: RolloutList, version: string): Rollout | null =>
    rollouts.find((rollout) => rollout.version === parseVersion(version).version) ?? null;
  return {
    list: async () => (await http.json('api/v1/releases', { query, validate: validate.list, signal })).releases,
    find: (version) => http.json(below('releases', version), { query, validate: validate.one, signal }),
    channels: async () => (await http.json('api/v1/channels', { validate: validate.channels, signal })).channels,
    rollout: async (version) =>
      rolloutIn(await http.json('api/v1/rollouts', { query, validate: validate.rollouts, signal }), version),
    change: (version, body) =>
      http.json(below('releases', version), { method: 'PATCH', query, body, validate: validate.one, signal }),
    changeRollout: async (version, body) =>
      rolloutIn(
        await http.json(below('rollouts', version), { method: 'PATCH', query, body, validate: validate.rollouts, signal }),
        version,
      ),
    async promote(channel, { version, reason }) {
      const body = { version: parseVersion(version).version, reason };
      await http.json(`api/v1/channels/${channel}`, { method: 'PUT', query, body, validate: validate.channels, signal });
    },
  };
}
