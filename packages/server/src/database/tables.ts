/** The columns of the database, by the words of the glossary. Bytes and offsets are int8, read as numbers. */
import type { HaltRule } from '@remendo/core';
import type { NotificationKind } from '@remendo/core/protocol';
import type { CodecName } from '@remendo/core/publish';
import type { ColumnType, Generated } from 'kysely';

type CreatedAt = ColumnType<Date, Date | string | undefined, never>;
type Changing<T> = ColumnType<T, T | undefined, T>;
/** jsonb: read as values, written as text, as the two databases disagree about arrays. */
type Json<T> = ColumnType<T, string | undefined, string>;
type Optional<T> = ColumnType<T | null, T | null | undefined, T | null>;
/** A moment, written as a Date. */
type Moment = ColumnType<Date, Date, Date>;

export interface ApplicationTable {
  id: Generated<number>;
  slug: string;
  name: string;
  access: Changing<'public' | 'licensed'>;
  /** What to start, relative to the install root; empty: nothing. */
  entry_point: Changing<string>;
  /** Globs of files that survive an update whatever a release holds. */
  preserve: Json<readonly string[]>;
  signing_mode: Changing<'offline' | 'server'>;
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
  /** What a draft becomes when the last of its builds is signed; null: it stays one. */
  state_when_signed: Changing<'testing' | 'published' | null>;
  title: string;
  description: string;
  changelog: string;
  breaking_changes: string;
  requires_backup: boolean;
  requires_downtime: boolean;
  rollback_compatible: boolean;
  mandatory: boolean;
  is_floor: Changing<boolean>;
  /** Named component to semver range: `php` to `>=8.2`. */
  requirements: Json<Readonly<Record<string, string>>>;
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
  /** Of the canonical manifest; null: recorded before metadata was signed, and not signed yet. */
  manifest_bytes: Changing<number | null>;
  /** When signed metadata first named the build as it is; null: it is a draft, whatever its release is. */
  signed_at: Changing<Date | null>;
  /** Detached OpenPGP signature of the zip, armored. */
  zip_signature: Changing<string | null>;
  created_at: CreatedAt;
}

/** Every version of every role that terminals may still ask for. */
export interface SignedMetadataTable {
  role: string;
  version: number;
  body: string;
  expires_at: Date;
  created_at: CreatedAt;
}

/** Keys of the server's own, each as a key file that the server's passphrase opens. */
export interface SigningKeyTable {
  key_id: string;
  role: 'root' | 'targets' | 'online';
  key_file: string;
  created_at: CreatedAt;
}

/** stray: found in the store, and nobody knows what it is. */
export type ObjectKind = 'zip' | 'manifest' | 'pack' | 'index' | 'stray';

export interface ObjectTable {
  digest: string;
  bytes: number;
  kind: ObjectKind;
  created_at: CreatedAt;
  /** When it was found that nothing needs it: it goes an hour later, unless something does by then. */
  doomed_at: Optional<Date>;
  /** Its bytes are gone: the zip of a release that was withdrawn long ago, whose record stays. */
  removed_at: Optional<Date>;
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
  /** Null: made before profiles were recorded, or by a codec that has none. */
  profile: Optional<PatchProfile>;
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
  state: Changing<'wanted' | 'building' | 'ready' | 'rejected' | 'evicted'>;
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
  /** What its patches were made with. */
  profile: Optional<PatchProfile>;
  /** It is ready, and is to be built again with the compact profile. */
  is_refining: Changing<boolean>;
  /** Which process builds it, and until when nobody else may, unless that one says again that it lives. */
  worker: Optional<string>;
  lease_until: Optional<Date>;
  /** Plans asked for this pair. */
  requests: Changing<number>;
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

export type PatchProfile = 'compact' | 'fast';
export type ServiceLevel = 'basic' | 'professional' | 'enterprise';
export type OperatorRole = 'viewer' | 'publisher' | 'admin';

/** What every process looks at once a second: see `changes.ts`. */
export interface ChangeTable {
  topic: 'accounts' | 'catalogue' | 'metadata';
  revision: Changing<number>;
}

export interface CustomerTable {
  id: Generated<number>;
  /** Eight upper-case letters and digits: `USR12345`. */
  code: string;
  /** Lower-case. Unique among those that are not deleted. */
  email: string;
  /** Since when it is known to be theirs: before, no mail goes there. */
  mail_confirmed_at: Optional<Date>;
  /** Of the code that was sent there last, and until when it is good. */
  mail_code_sha256: Optional<string>;
  mail_code_until: Optional<Date>;
  /** An operator added, invited or changed this customer. */
  is_vouched: Changing<boolean>;
  first_name: string;
  last_name: string;
  company: string;
  phone: string;
  service_level: ServiceLevel;
  requested_level: ServiceLevel;
  /** The last day of the licence, in UTC: `2027-11-22`. */
  expires_on: string;
  /** null: without limit. */
  limits: Json<CustomerLimits>;
  features: Json<Readonly<Record<string, boolean>>>;
  /** CIDR blocks; empty: any address. */
  allowed_addresses: Json<readonly string[]>;
  /** Since when; null: it is not. Whether a licence is expired is told by `expires_on`, never stored. */
  suspended_at: Optional<Date>;
  last_seen_at: Optional<Date>;
  created_at: CreatedAt;
  updated_at: Changing<Date>;
  deleted_at: Optional<Date>;
}

export interface CustomerLimits {
  readonly administrators: number | null;
  readonly properties: number | null;
  readonly terminals: number | null;
}

export interface CustomerKeyTable {
  id: Generated<number>;
  customer_id: number;
  /** The public part of the key, by which it is found. */
  prefix: string;
  key_sha256: string;
  secret_sha256: string;
  created_at: CreatedAt;
  /** Set when it was rotated: until then both are good. */
  expires_at: Optional<Date>;
}

export interface InvitationTable {
  id: Generated<number>;
  code_sha256: string;
  service_level: ServiceLevel;
  note: string;
  expires_at: Moment;
  used_by: Optional<number>;
  created_at: CreatedAt;
}

export interface OperatorTable {
  id: Generated<number>;
  name: string;
  email: Optional<string>;
  role: OperatorRole;
  is_enabled: Changing<boolean>;
  created_at: CreatedAt;
  updated_at: Changing<Date>;
}

export interface OperatorTokenTable {
  id: Generated<number>;
  operator_id: number;
  name: string;
  /** SHA-256 of the token, hex. */
  token_sha256: string;
  created_at: CreatedAt;
  expires_at: Optional<Date>;
}

export type ActorKind = 'operator' | 'customer' | 'terminal' | 'server' | 'anonymous';

export interface AuditEventTable {
  id: Generated<number>;
  at: CreatedAt;
  actor_kind: ActorKind;
  actor: string;
  action: string;
  subject_kind: string;
  subject: string;
  reason: Changing<string>;
  detail: Json<Readonly<Record<string, unknown>>>;
  address: Optional<string>;
  request_id: Optional<string>;
}

/** An enrolled machine. */
export interface TerminalTable {
  id: string;
  customer_id: number;
  secret_sha256: string;
  /** The one before, and until when it is still good: who did not hear the new one can ask again. */
  previous_secret_sha256: Optional<string>;
  previous_secret_until: Optional<Date>;
  name: string;
  branch: string;
  group: Optional<string>;
  ring: Optional<string>;
  operating_system: string;
  architecture: string;
  agent_version: string;
  is_enabled: Changing<boolean>;
  /** It has not checked for long, and somebody was told so. */
  is_silent: Changing<boolean>;
  last_check_at: Optional<Date>;
  last_address: Optional<string>;
  link_bytes_per_second: Optional<number>;
  created_at: CreatedAt;
  updated_at: Changing<Date>;
}

export interface TerminalPolicyTable {
  terminal_id: string;
  application_id: number;
  pinned_version: Optional<string>;
  allow_downgrade: Changing<boolean>;
  /** Versions that were rolled back on this terminal. */
  blocked: Json<readonly string[]>;
}

/** The last check of whoever asked, enrolled or not: which versions are in the field. */
export interface SightingTable {
  application_id: number;
  platform: string;
  terminal_key: string;
  terminal_id: Optional<string>;
  customer_id: Optional<number>;
  version: Optional<string>;
  channel: string;
  address: Optional<string>;
  checked_at: Moment;
}

export interface RolloutTable {
  release_id: number;
  /** Gives every release its own order of terminals. */
  seed: string;
  /** Of 10 000. */
  share: Changing<number>;
  groups: Json<readonly string[]>;
  rings: Json<readonly string[]>;
  state: Changing<'running' | 'paused' | 'halted'>;
  halt_reason: Optional<string>;
  /** What differs from the default rule. */
  halt_rule: Json<Partial<HaltRule>>;
  updated_at: Changing<Date>;
}

export interface RolloutOutcomeTable {
  release_id: number;
  terminal_id: string;
  outcome: 'completed' | 'failed' | 'rolled_back';
  at: Moment;
}

/** Which builds' plans name an object, and when one did last: who may fetch it, and how long it stays. */
export interface ObjectUseTable {
  object: string;
  application_id: number;
  /** That the plan leads to; null: one of before this was written down. */
  build_id: number | null;
  used_at: Changing<Date>;
}

export type UpdateState = 'started' | 'downloading' | 'backing_up' | 'installing' | 'completed' | 'failed' | 'rolled_back';

/** Append-only. */
export interface UpdateLogTable {
  id: Generated<number>;
  terminal_key: string;
  event_id: string;
  update_id: Optional<string>;
  terminal_id: Optional<string>;
  customer_id: Optional<number>;
  branch: Optional<string>;
  application_id: number;
  platform: string;
  version_from: Optional<string>;
  version_to: Optional<string>;
  state: UpdateState;
  percent: number;
  downloaded_bytes: Optional<number>;
  saved_bytes: Optional<number>;
  log_output: string;
  error_code: Optional<string>;
  error_detail: Optional<string>;
  backup_path: Optional<string>;
  started_at: Optional<Date>;
  finished_at: Optional<Date>;
  at: Moment;
  received_at: CreatedAt;
  address: Optional<string>;
  user_agent: Optional<string>;
}

export interface NotificationTable {
  id: Generated<number>;
  /** Null: for the operators. */
  customer_id: Optional<number>;
  kind: NotificationKind;
  subject: string;
  body: string;
  /** Not jsonb: its fields stay in their order, which is that of the cells in a sheet. */
  data: Json<Readonly<Record<string, string | number | boolean | null>>>;
  /** What it is about: told once. */
  dedup_key: string;
  created_at: CreatedAt;
  read_at: Optional<Date>;
}

export interface NotificationDeliveryTable {
  /** What every attempt carries, so that the other side knows a repetition. */
  id: string;
  notification_id: number;
  /** Whose mailbox or webhook it goes to; null: the operators'. */
  customer_id: Optional<number>;
  channel: 'mail' | 'webhook' | 'sheet';
  recipient: Json<Readonly<Record<string, string>>>;
  state: Changing<'wanted' | 'sending' | 'delivered' | 'failed'>;
  /** Those that began. */
  attempts: Changing<number>;
  /** Why the last one failed. */
  error: Optional<string>;
  /** Wanted: when it may be tried. Sending: when whoever sends it counts as dead. */
  due_at: Changing<Date>;
  updated_at: Changing<Date>;
}

export interface WebhookTable {
  id: Generated<number>;
  customer_id: Optional<number>;
  url: string;
  /** In the clear: signing needs it. */
  secret: string;
  /** Kinds of notifications; empty: all. */
  kinds: Json<readonly NotificationKind[]>;
  is_enabled: Changing<boolean>;
  created_at: CreatedAt;
}

/** What is expected of a backup job of a branch, and when it last reported. */
export interface BackupMonitorTable {
  id: Generated<number>;
  customer_id: number;
  terminal_key: string;
  branch: string;
  job: string;
  interval_seconds: number;
  grace_seconds: number;
  state: string;
  is_silent: Changing<boolean>;
  /** When the newest check was made, which `state` is of; by the terminal's clock, never later than it arrived. */
  checked_at: Moment;
  /** When a report arrived last, by our clock. */
  reported_at: Moment;
}

export interface BackupCheckTable {
  id: Generated<number>;
  monitor_id: number;
  report_id: string;
  state: string;
  files: Optional<number>;
  total_bytes: Optional<number>;
  newest_at: Optional<Date>;
  detail: string;
  at: Moment;
  received_at: CreatedAt;
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
  operator: OperatorTable;
  change: ChangeTable;
  customer: CustomerTable;
  customer_key: CustomerKeyTable;
  invitation: InvitationTable;
  audit_event: AuditEventTable;
  terminal: TerminalTable;
  terminal_policy: TerminalPolicyTable;
  sighting: SightingTable;
  rollout: RolloutTable;
  rollout_outcome: RolloutOutcomeTable;
  object_use: ObjectUseTable;
  update_log: UpdateLogTable;
  notification: NotificationTable;
  notification_delivery: NotificationDeliveryTable;
  webhook: WebhookTable;
  backup_monitor: BackupMonitorTable;
  backup_check: BackupCheckTable;
  signed_metadata: SignedMetadataTable;
  signing_key: SigningKeyTable;
}
