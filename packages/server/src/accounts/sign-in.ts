/**
 * From credentials to who asks. What was looked up is kept in memory until accounts change, so that a check asks the
 * database nothing; a revoked key is refused at once by the process that revoked it and within a second or two by others.
 *
 * Secrets are 256 random bits: their SHA-256 is stored, and compared in constant time. Whoever is refused hears the same
 * for every reason, after the same work: a name that is known, and one that is not, cost one look into the database.
 */
import { timingSafeEqual } from 'node:crypto';
import { type Digest, digestOf, UpdaterError } from '@remendo/core';
import { sql } from 'kysely';
import type { Changes } from '../database/changes.js';
import type { Db } from '../database/open-database.js';
import { BoundedCache } from '../releases/bounded-cache.js';
import { addressList, isInList } from './address-blocks.js';
import { endOfLicence } from './licence.js';
import type { CustomerAccount, OperatorAccount, Principal, TerminalAccount } from './principal.js';

/** A customer's key is `rk_<prefix>_<random>`, an enrolled terminal's id `trm_<random>`; anything else is an operator's token. */
export const keyForm = /^rk_([A-Za-z0-9]{12})_[A-Za-z0-9_-]{32,64}$/;
export const terminalIdForm = /^trm_[A-Za-z0-9_-]{22}$/;

export interface Credentials {
  readonly authorization: string | undefined;
  readonly apiSecret: string | undefined;
}

interface KnownKey {
  readonly keySha256: string;
  readonly secretSha256: string;
  readonly expiresAt: Date | null;
  readonly customer: CustomerAccount;
}

interface KnownTerminal {
  readonly secretSha256: string;
  /** Good until then too: who did not hear the new one can still sign in. */
  readonly previous: { readonly secretSha256: string; readonly until: Date } | null;
  readonly customer: CustomerAccount;
  readonly terminal: TerminalAccount;
}

type SignedIn = Exclude<Principal, { readonly kind: 'anonymous' }>;

interface KnownOperator {
  readonly expiresAt: Date | null;
  readonly operator: OperatorAccount;
}

/** Of each kind; a terminal takes about a kilobyte. */
const entriesMax = 50_000;

export class SignIn {
  readonly #keys: AccountCache<KnownKey>;
  readonly #terminals: AccountCache<KnownTerminal>;
  readonly #operators: AccountCache<KnownOperator>;

  constructor({ db, changes }: { readonly db: Db; readonly changes: Changes }) {
    this.#keys = new AccountCache((prefix) => findKey(db, prefix));
    this.#terminals = new AccountCache((id) => findTerminal(db, id));
    this.#operators = new AccountCache((tokenSha256) => findOperator(db, tokenSha256));
    changes.on('accounts', () => {
      for (const cache of [this.#keys, this.#terminals, this.#operators]) cache.forget();
    });
  }

  /**
   * Without an Authorization header: anonymous.
   * @throws UpdaterError AUTH_REQUIRED for credentials that are not good, AUTH_ADDRESS_REFUSED for good ones from an address
   * that the customer does not allow.
   */
  async principalOf({ authorization, apiSecret }: Credentials, address: string): Promise<Principal> {
    if (authorization === undefined) return { kind: 'anonymous' };
    const bearer = /^Bearer +([\x21-\x7e]{1,512})$/i.exec(authorization)?.[1] ?? '';
    const prefix = keyForm.exec(bearer)?.[1];
    const principal =
      prefix !== undefined
        ? await this.#byKey(prefix, bearer, apiSecret)
        : terminalIdForm.test(bearer)
          ? await this.#byTerminal(bearer, apiSecret)
          : await this.#byToken(bearer);
    if (principal === null) throw new UpdaterError('AUTH_REQUIRED', 'the credentials are not valid');
    if (principal.kind === 'customer' || principal.kind === 'terminal') refuseAddress(principal.customer, address);
    return principal;
  }

  /**
   * An enrolled terminal, by something that it made with its secret; as `principalOf`, from any address.
   * @param isProof told the SHA-256 of a secret of the terminal's.
   * @throws UpdaterError RECORD_NOT_FOUND when there is no such terminal, or no such proof.
   */
  async terminalOf(id: string, isProof: (secretSha256: Digest) => boolean): Promise<Extract<Principal, { kind: 'terminal' }>> {
    const principal = await this.#terminals.accept(id, (known) => {
      if (known === null) return null;
      const { secretSha256, previous, customer, terminal } = known;
      const isPrevious = previous !== null && !isOver(previous.until) && isProof(previous.secretSha256 as Digest);
      return isPrevious || isProof(secretSha256 as Digest) ? { kind: 'terminal', customer, terminal } : null;
    });
    if (principal?.kind === 'terminal') return principal;
    throw new UpdaterError('RECORD_NOT_FOUND', `no terminal ${id} of this server says so`, { details: { terminal: id } });
  }

  #byKey(prefix: string, key: string, secret: string | undefined): Promise<SignedIn | null> {
    const given = { key: digestOf(key), secret: digestOf(secret ?? '') };
    return this.#keys.accept(prefix, (known) => {
      // Compared in any case: no time tells how much of a key or a secret is right.
      const isKey = isSame(given.key, known?.keySha256);
      const isSecret = isSame(given.secret, known?.secretSha256);
      if (known === null || !isKey || !isSecret || isOver(known.expiresAt)) return null;
      return { kind: 'customer', customer: known.customer };
    });
  }

  #byTerminal(id: string, secret: string | undefined): Promise<SignedIn | null> {
    const given = digestOf(secret ?? '');
    return this.#terminals.accept(id, (known) => {
      const isSecret = isSame(given, known?.secretSha256);
      const isPrevious = isSame(given, known?.previous?.secretSha256) && !isOver(known?.previous?.until ?? null);
      if (known === null || !(isSecret || isPrevious)) return null;
      return { kind: 'terminal', customer: known.customer, terminal: known.terminal };
    });
  }

  /** Found by its digest: what a search tells by its time is about that, which nobody can choose. */
  #byToken(token: string): Promise<SignedIn | null> {
    return this.#operators.accept(digestOf(token), (known) =>
      known === null || isOver(known.expiresAt) ? null : { kind: 'operator', operator: known.operator },
    );
  }
}

const nobody = '0'.repeat(64);

const isSame = (given: string, stored: string = nobody): boolean =>
  timingSafeEqual(Buffer.from(given, 'hex'), Buffer.from(stored, 'hex'));

const isOver = (moment: Date | null): boolean => moment !== null && moment.getTime() <= Date.now();

function refuseAddress({ allowedAddresses }: CustomerAccount, address: string): void {
  if (allowedAddresses === null || isInList(allowedAddresses, address)) return;
  throw new UpdaterError('AUTH_ADDRESS_REFUSED', `requests from ${address} are not allowed for this customer`, {
    details: { address },
  });
}

/** What does not exist is not remembered: it may exist a moment later, and a stranger could fill the memory with it. */
class AccountCache<Value> {
  #known = new BoundedCache<Value>(entriesMax);

  constructor(private readonly find: (name: string) => Promise<Value | null>) {}

  /**
   * What memory does not let in is looked up: another server may have made the secret a moment ago, and whoever guesses
   * learns by no time which names there are.
   * @param signIn makes of what is known, or of null, who it is; null: refused.
   */
  async accept(name: string, signIn: (known: Value | null) => SignedIn | null): Promise<SignedIn | null> {
    const known = this.#known;
    const remembered = signIn(known.get(name) ?? null);
    if (remembered !== null) return remembered;
    const found = await this.find(name);
    // What was forgotten meanwhile stays forgotten: this goes into the cache that nobody looks into any more.
    if (found !== null) known.set(name, found);
    return signIn(found);
  }

  forget(): void {
    this.#known = new BoundedCache<Value>(entriesMax);
  }
}

const customerColumns = [
  'customer.id as customer_id',
  'customer.code',
  'customer.service_level',
  'customer.limits',
  'customer.features',
  'customer.suspended_at',
  'customer.expires_on',
  'customer.allowed_addresses',
] as const;

interface CustomerRow {
  readonly customer_id: number;
  readonly code: string;
  readonly service_level: CustomerAccount['level'];
  readonly limits: CustomerAccount['limits'];
  readonly features: CustomerAccount['features'];
  readonly suspended_at: Date | null;
  readonly expires_on: string;
  readonly allowed_addresses: readonly string[];
}

const accountOf = (row: CustomerRow): CustomerAccount => ({
  id: row.customer_id,
  code: row.code,
  level: row.service_level,
  limits: row.limits,
  features: row.features,
  suspendedAt: row.suspended_at,
  expiresAt: endOfLicence(row.expires_on),
  allowedAddresses: row.allowed_addresses.length === 0 ? null : addressList(row.allowed_addresses),
});

async function findKey(db: Db, prefix: string): Promise<KnownKey | null> {
  const row = await db
    .selectFrom('customer_key')
    .innerJoin('customer', 'customer.id', 'customer_key.customer_id')
    .where('customer_key.prefix', '=', prefix)
    .where('customer.deleted_at', 'is', null)
    .select([...customerColumns, 'customer_key.key_sha256', 'customer_key.secret_sha256', 'customer_key.expires_at'])
    .executeTakeFirst();
  if (row === undefined) return null;
  return { keySha256: row.key_sha256, secretSha256: row.secret_sha256, expiresAt: row.expires_at, customer: accountOf(row) };
}

async function findTerminal(db: Db, id: string): Promise<KnownTerminal | null> {
  const row = await db
    .selectFrom('terminal')
    .innerJoin('customer', 'customer.id', 'terminal.customer_id')
    .where('terminal.id', '=', id)
    .where('terminal.is_enabled', '=', true)
    .where('customer.deleted_at', 'is', null)
    .select([...customerColumns, 'terminal.secret_sha256', 'terminal.previous_secret_sha256', 'terminal.previous_secret_until'])
    .select(['terminal.branch', 'terminal.group', 'terminal.ring'])
    .select(
      sql<PolicyRow[]>`(select coalesce(jsonb_agg(to_jsonb(terminal_policy)), '[]') from terminal_policy
        where terminal_policy.terminal_id = terminal.id)`.as('policies'),
    )
    .executeTakeFirst();
  if (row === undefined) return null;
  const { branch, group, ring } = row;
  const policies = new Map(
    row.policies.map((policy) => [
      policy.application_id,
      { pinnedVersion: policy.pinned_version, allowDowngrade: policy.allow_downgrade, blocked: policy.blocked },
    ]),
  );
  const { previous_secret_sha256: previousSha256, previous_secret_until: until } = row;
  return {
    secretSha256: row.secret_sha256,
    previous: previousSha256 === null || until === null ? null : { secretSha256: previousSha256, until },
    customer: accountOf(row),
    terminal: { id, branch, group, ring, policies },
  };
}

interface PolicyRow {
  readonly application_id: number;
  readonly pinned_version: string | null;
  readonly allow_downgrade: boolean;
  readonly blocked: readonly string[];
}

async function findOperator(db: Db, tokenSha256: string): Promise<KnownOperator | null> {
  const row = await db
    .selectFrom('operator_token')
    .innerJoin('operator', 'operator.id', 'operator_token.operator_id')
    .where('operator_token.token_sha256', '=', tokenSha256)
    .where('operator.is_enabled', '=', true)
    .select(['operator.id', 'operator.name', 'operator.role', 'operator_token.expires_at'])
    .executeTakeFirst();
  return row === undefined ? null : { expiresAt: row.expires_at, operator: { id: row.id, name: row.name, role: row.role } };
}
