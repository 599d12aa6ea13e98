/** What the server says about a release, checked before it is believed, in the words of the publisher's commands. */
import { answerValidator } from '@remendo/core';
import { PublishAnswer, type ReleaseSummary } from '@remendo/core/protocol';

export interface DeltaStatus {
  readonly baseVersion: string;
  readonly state: ReleaseSummary['deltas'][number]['state'];
  /** It is ready, and is being built again to become smaller. */
  readonly isRefining: boolean;
  /** Null before it is ready. */
  readonly bytes: number | null;
  readonly detail: string | null;
}

export interface PublishedRelease {
  readonly application: string;
  readonly platform: string;
  readonly version: string;
  /** As its publisher writes it. */
  readonly shownVersion: string;
  readonly type: ReleaseSummary['type'];
  readonly state: ReleaseSummary['state'];
  readonly title: string;
  readonly changelog: string;
  readonly mandatory: boolean;
  readonly floor: boolean;
  /** How many of 10,000 terminals it is let out to; null where the server does not say. */
  readonly rollout: NonNullable<ReleaseSummary['rollout']> | null;
  /** Null before it was published. */
  readonly releasedAt: string | null;
  readonly manifestDigest: string;
  readonly files: number;
  readonly installedBytes: number;
  readonly zipBytes: number;
  readonly zipDigest: string;
  /** An OpenPGP signature of the zip is there. */
  readonly zipSigned: boolean;
  readonly deltas: readonly DeltaStatus[];
}

export const publishedRelease = (answer: ReleaseSummary): PublishedRelease => ({
  application: answer.application,
  platform: answer.platform,
  version: answer.version,
  shownVersion: answer.display_version ?? answer.version,
  type: answer.type,
  state: answer.state,
  title: answer.title,
  changelog: answer.changelog,
  mandatory: answer.mandatory === true,
  floor: answer.floor === true,
  rollout: answer.rollout ?? null,
  releasedAt: answer.released_at,
  manifestDigest: answer.manifest_digest,
  files: answer.files,
  installedBytes: answer.installed_bytes,
  zipBytes: answer.zip.bytes,
  zipDigest: answer.zip.digest,
  zipSigned: answer.zip_signed === true,
  deltas: answer.deltas.map(deltaStatus),
});

const deltaStatus = (delta: ReleaseSummary['deltas'][number]): DeltaStatus => ({
  baseVersion: delta.base_version,
  state: delta.state,
  isRefining: delta.refining === true,
  bytes: delta.bytes,
  detail: delta.detail ?? null,
});

const publishAnswer = answerValidator(PublishAnswer);

/** @throws UpdaterError DOWNLOAD_FAILED */
export function parsePublishAnswer(value: unknown): { readonly alreadyPublished: boolean; readonly release: PublishedRelease } {
  const answer = publishAnswer(value);
  return { alreadyPublished: answer.already_published, release: publishedRelease(answer.release) };
}
