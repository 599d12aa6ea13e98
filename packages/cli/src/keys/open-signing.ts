/**
 * Signed metadata as a publisher's machine sees it: verified like on a terminal, with versions it never goes below, so that
 * nobody is made to sign what a server made up.
 */
import { homedir } from 'node:os';
import { join } from 'node:path';
import {
  answerValidator,
  type HttpClient,
  httpMetadataSource,
  limits,
  nodeFileSystem,
  nodeHost,
  parseMetadata,
  SignedTrust,
  UpdaterError,
} from '@remendo/core';
import { SigningState } from '@remendo/core/protocol';
import {
  acceptMetadata,
  assertSound,
  encodeMetadata,
  type OfferedMetadata,
  type OfflineMetadata,
  type SignedRole,
  type SigningKey,
} from '@remendo/core/publish';
import type { CommandContext } from '../command-context.js';
import { readNamedFile } from '../named-path.js';
import { openServer } from '../open-server.js';
import { printable } from '../output/printable.js';
import type { Settings } from '../settings.js';
import { type KeySettings, readSigningKeys } from './read-keys.js';

export type SigningSettings = Settings<'server' | 'allowInsecure' | 'token' | 'trustRoot' | 'trustFolder'> & KeySettings;

export interface Signing {
  readonly http: HttpClient;
  readonly current: OfflineMetadata;
  readonly keys: readonly SigningKey[];
  readonly nowMs: number;
}

const validState = answerValidator(SigningState);

/** @throws UpdaterError TRUST_… when what the server has is not to be signed further. */
export async function openSigning(
  { output, signal }: CommandContext,
  settings: SigningSettings,
  keyFiles: readonly string[],
): Promise<Signing> {
  const keys = readSigningKeys(keyFiles, settings);
  const http = openServer(settings, { authorization: `Bearer ${settings.token ?? ''}` });
  const { clock } = nodeHost({ workers: 1 });
  const source = httpMetadataSource(http);
  const trust = new SignedTrust({
    fileSystem: nodeFileSystem(),
    clock,
    source,
    folder: settings.trustFolder ?? join(homedir(), '.remendo', 'trust', encodeURIComponent(new URL(settings.server ?? '').host)),
    firstUse: true,
    ...(settings.trustRoot === null ? {} : { root: await readNamedFile(settings.trustRoot, limits.rootBytesMax) }),
    onRootTaken: (keyIds) =>
      output.warn(
        `this machine had no root of trust: the server's was taken, and is the only one from now on (keys ${shortIds(keyIds)})`,
      ),
  });
  const { root, targets, versions } = await trust.trusted(signal);
  const roles = new Map<string, OfflineMetadata['targets']>();
  for (const [role, version] of versions) {
    if (role === 'targets') continue;
    const bytes = await source.fetch(`${version}.${role}.json`, limits.targetsBytesMax, signal);
    if (bytes === null)
      throw new UpdaterError('TRUST_INVALID', `the server does not have ${printable(role)}, which its snapshot lists`);
    const metadata = parseMetadata('targets', bytes);
    if (metadata.signed.version !== version)
      throw new UpdaterError('TRUST_INVALID', `${printable(role)} is not the version that the snapshot lists`);
    roles.set(role, metadata);
  }
  const current = { root, targets, roles };
  assertSound(current);
  return { http, current, keys, nowMs: clock.now() };
}

export const shortIds = (ids: readonly string[]): string => ids.map((id) => id.slice(0, 16)).join(', ');

export const offeredOf = (signed: readonly SignedRole[]): readonly OfferedMetadata[] =>
  signed.map(({ role, metadata }) => ({ role, bytes: encodeMetadata(metadata) }));

export interface Submission {
  readonly offered: readonly OfferedMetadata[];
  readonly isCosigned: boolean;
  readonly reason: string;
}

/** Looks first whether it will be taken, as far as can be seen from here. @throws UpdaterError TRUST_… */
export async function submit(
  { http, current, nowMs }: Signing,
  { offered, isCosigned, reason }: Submission,
  signal: AbortSignal,
): Promise<SigningState> {
  if (!isCosigned) acceptMetadata(current, offered, nowMs);
  return http.json('api/v1/metadata', {
    body: {
      metadata: offered.map(({ role, bytes }) => ({ role, body: Buffer.from(bytes).toString('utf8') })),
      cosigned: isCosigned,
      reason,
    },
    validate: validState,
    signal,
  });
}
