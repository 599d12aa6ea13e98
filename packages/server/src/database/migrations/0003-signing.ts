/** Signed metadata, the keys the server signs with, and what of each build is signed. */
import { type Kysely, sql } from 'kysely';

/** Which build a plan or delta that names an object leads to: who may not know of the build does not get the object. */
const objectUses = [
  `alter table object_use add column build_id integer references build`,
  `alter table object_use drop constraint object_use_pkey`,
  `with named (object, build_id) as (
     select zip_object, id from build union select manifest_object, id from build
     union select index_object, target_build_id from delta union select pack_object, target_build_id from delta
     union select patch.object, delta.target_build_id from delta
       join delta_patch on delta_patch.delta_id = delta.id join patch on patch.id = delta_patch.patch_id)
   insert into object_use (object, application_id, build_id, used_at)
   select object_use.object, object_use.application_id, named.build_id, object_use.used_at
   from named join build on build.id = named.build_id join release on release.id = build.release_id
     join object_use on object_use.object = named.object and object_use.application_id = release.application_id`,
  `delete from object_use where build_id is null
     and exists (select 1 from object_use as known where known.object = object_use.object and known.build_id is not null)`,
  `create unique index object_use_once on object_use (object, application_id, build_id) nulls not distinct`,
];

/** Who was a customer before got mails, and had been registered or added as the audit says. */
const customers = [
  `alter table customer add column mail_confirmed_at timestamptz`,
  `update customer set mail_confirmed_at = created_at`,
  `alter table customer add column mail_code_sha256 text`,
  `alter table customer add column mail_code_until timestamptz`,
  `create index notification_delivery_mails on notification_delivery (customer_id, updated_at) where channel = 'mail'`,
  `alter table customer add column is_vouched boolean not null default false`,
  `update customer set is_vouched = code not in (select subject from audit_event where action = 'customer_registered')
     or exists (select 1 from invitation where used_by = customer.id)`,
];

const statements = [
  `insert into change (topic) values ('metadata')`,
  `create table signed_metadata (
     role text not null,
     version integer not null,
     body text not null,
     expires_at timestamptz not null,
     created_at timestamptz not null default now(),
     primary key (role, version))`,
  `create table signing_key (
     key_id text primary key,
     role text not null check (role in ('root', 'targets', 'online')),
     key_file text not null,
     created_at timestamptz not null default now())`,
  `alter table build add column manifest_bytes bigint`,
  `alter table build add column signed_at timestamptz`,
  `alter table build add column zip_signature text`,
  `alter table release add column state_when_signed text check (state_when_signed in ('testing', 'published'))`,
  ...objectUses,
  ...customers,
];

export const signingMigration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(db);
  },
};
