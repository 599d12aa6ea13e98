/** The columns of the database, by the words of the glossary. Bytes and offsets are int8, read as numbers. */
import type { CodecName } from '@remendo/core/publish';
import type { ColumnType, Generated } from 'kysely';

type CreatedAt = ColumnType<Date, Date | string | undefined, never>;
type Changing<T> = ColumnType<T, T | undefined, T>;

export interface ApplicationTable {
  id: Generated<number>;
  slug: string;
  name: string;
  access: Changing<'public' | 'licensed'>;
  /** Set by the first release; the two forms do not order among each other. */
  version_form: 'semver' | 'four_part' | null;
  created_at: CreatedAt;
}

export interface ReleaseTable {
  id: Generated<number>;
  application_id: number;
  version: string;
  display_version: string | null;
  type: 'stable' | 'development' | 'hotfix';
  state: 'draft' | 'testing' | 'published' | 'deprecated' | 'withdrawn';
  title: string;
  description: string;
  changelog: string;
  breaking_changes: string;
  requires_backup: boolean;
  requires_downtime: boolean;
  rollback_compatible: boolean;
  mandatory: boolean;
  is_floor: Changing<boolean>;
  released_at: Date | null;
  created_at: CreatedAt;
  updated_at: Changing<Date>;
}

/** Where a channel points. */
export interface ChannelTable {
  application_id: number;
  channel: 'stable' | 'development';
  release_id: number;
}

export interface BuildTable {
  id: Generated<number>;
  release_id: number;
  platform: string;
  manifest_digest: string;
  /** The canonical manifest as stored: brotli. */
  manifest_object: string;
  zip_object: string;
  files: number;
  installed_bytes: number;
  created_at: CreatedAt;
}

export type ObjectKind = 'zip' | 'manifest' | 'pack' | 'index';

export interface ObjectTable {
  digest: string;
  bytes: number;
  kind: ObjectKind;
  created_at: CreatedAt;
}

/** A content as it lies whole in a stored object. */
export interface ContentTable {
  object: string;
  sha256: string;
  bytes: number;
  offset: number;
  encoded_bytes: number;
  encoding: 'identity' | 'deflate' | 'brotli';
  encoded_sha256: string;
}

/** A patch lies in a stored object too; what it turns into what is in the two tables below. */
export interface PatchTable {
  id: Generated<number>;
  codec: CodecName;
  object: string;
  offset: number;
  bytes: number;
  sha256: string;
  state: 'wanted' | 'building' | 'ready' | 'rejected';
  created_at: CreatedAt;
}

export interface PatchContentTable {
  patch_id: number;
  position: number;
  sha256: string;
  bytes: number;
}

export interface DeltaTable {
  id: Generated<number>;
  base_build_id: number;
  target_build_id: number;
  state: Changing<'wanted' | 'building' | 'ready' | 'rejected'>;
  index_object: string | null;
  /** Null for a delta that has nothing to fetch but its index. */
  pack_object: string | null;
  /** Grows with every delta that becomes ready: what plans are cached by. */
  revision: Changing<number>;
  /** Builds that failed. */
  attempts: Changing<number>;
  /** Why it was rejected or what a person should know about it. */
  detail: string | null;
  build_ms: number | null;
  created_at: CreatedAt;
  updated_at: Changing<Date>;
}

/** The patches a delta is built of: its own, and those that other deltas brought before. */
export interface DeltaPatchTable {
  delta_id: number;
  patch_id: number;
}

export interface SettingTable {
  name: string;
  value: string;
}

export interface OperatorTokenTable {
  name: string;
  /** SHA-256 of the token, hex. */
  token_sha256: string;
  created_at: CreatedAt;
}

export interface Tables {
  application: ApplicationTable;
  release: ReleaseTable;
  channel: ChannelTable;
  build: BuildTable;
  object: ObjectTable;
  content: ContentTable;
  patch: PatchTable;
  patch_base: PatchContentTable;
  patch_target: PatchContentTable;
  delta: DeltaTable;
  delta_patch: DeltaPatchTable;
  setting: SettingTable;
  operator_token: OperatorTokenTable;
}
