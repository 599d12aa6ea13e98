/** Whom to tell besides the server: their addresses and secrets, checked before anything starts. */
import { parseServerUrl, UpdaterError } from '@remendo/core';
import type { Language } from '../language.js';
import type { BackupTargetSettings } from './backup-settings.js';

interface TargetBase {
  readonly name: string;
  readonly language: Language;
}

export interface MailTarget extends TargetBase {
  readonly kind: 'mail';
  /** `smtp://user:password@host:587` or `smtps://…`. */
  readonly url: string;
  readonly from: string;
  readonly to: readonly string[];
  /** Whom of them this one is for; default: all, of whom one that is refused is not told from the others. */
  readonly recipient?: string;
}

export interface WebhookTarget extends TargetBase {
  readonly kind: 'webhook';
  readonly url: string;
  readonly secret: string;
}

export interface SheetTarget extends TargetBase {
  readonly kind: 'sheet';
  /** The service account's key, as the JSON that Google hands out. */
  readonly key: string;
  readonly spreadsheetId: string;
  readonly tab: string;
  readonly rows: 'results' | 'changes';
  readonly rootUrl: string | null;
  readonly tokenUrl: string | null;
}

export type BackupTarget = MailTarget | WebhookTarget | SheetTarget;

export interface TargetSources {
  readonly environment: NodeJS.ProcessEnv;
  readonly language: Language;
  readonly allowInsecure: boolean;
  /** @throws Error with what is wrong with the file, and nothing of what is in it. */
  readonly readSecret: (path: string) => string;
}

type Field = Exclude<keyof BackupTargetSettings, 'name' | 'kind' | 'language'>;

/** What each kind needs, and what else it takes. */
const fields = {
  mail: { needs: ['from', 'to'], takes: ['url', 'secretFile', 'secretVariable'] },
  webhook: { needs: ['url'], takes: ['secretFile', 'secretVariable'] },
  sheet: { needs: ['spreadsheetId'], takes: ['tab', 'rows', 'rootUrl', 'tokenUrl', 'secretFile', 'secretVariable'] },
} as const satisfies Readonly<Record<BackupTargetSettings['kind'], { needs: readonly Field[]; takes: readonly Field[] }>>;

/**
 * A mail to several is one to each, with a queue of its own: a mailbox that is full keeps nobody else from theirs, and nobody gets a
 * mail twice because of it. The first has the target's own name.
 */
export function oneForEach(target: BackupTarget): readonly BackupTarget[] {
  if (target.kind !== 'mail') return [target];
  const { name, to } = target;
  return [...new Set(to)].map((recipient, index) => ({
    ...target,
    recipient,
    name: index === 0 ? name : `${name} (${recipient})`,
  }));
}

/** @throws UpdaterError CONFIG_INVALID with every problem. */
export function parseTarget(given: BackupTargetSettings, sources: TargetSources): BackupTarget {
  const { name, kind, language: _language, ...rest } = given;
  const needs: readonly string[] = fields[kind].needs;
  const takes: readonly string[] = [...needs, ...fields[kind].takes];
  const problems = [
    ...needs.filter((field) => !(field in rest)).map((field) => `${field} is missing`),
    ...Object.keys(rest)
      .filter((field) => !takes.includes(field))
      .map((field) => `${field} is nothing that a ${kind} takes`),
  ];
  const secret = secretOf(given, sources, problems);
  const base = { name, language: given.language ?? sources.language };
  const target = makers[kind](base, given, secret ?? '');
  if (secret !== null) problems.push(...checks[kind](given, secret, sources));
  if (problems.length > 0) throw new UpdaterError('CONFIG_INVALID', 'a target is not right', { details: { problems } });
  return target;
}

/** Null when it could not be had, which is in `problems` then. A mail server may do without. */
function secretOf(given: BackupTargetSettings, sources: TargetSources, problems: string[]): string | null {
  const { secretFile, secretVariable, kind, url } = given;
  const ways = [secretFile, secretVariable, ...(kind === 'mail' ? [url] : [])].filter((way) => way !== undefined);
  if (ways.length !== 1) {
    problems.push(`name exactly one of secretFile, secretVariable${kind === 'mail' ? ' and url' : ''}`);
    return null;
  }
  if (secretFile === undefined && secretVariable === undefined) return '';
  try {
    const text = secretFile === undefined ? sources.environment[secretVariable ?? ''] : sources.readSecret(secretFile);
    if (text !== undefined && text.trim() !== '') return text.trim();
    problems.push(`${secretVariable ?? 'secretFile'} holds no secret`);
  } catch (error) {
    problems.push(`secretFile: ${(error as Error).message}`);
  }
  return null;
}

type Maker = (base: TargetBase, given: BackupTargetSettings, secret: string) => BackupTarget;

const makers: Readonly<Record<BackupTarget['kind'], Maker>> = {
  mail: (base, { url, from = '', to = [] }, secret) => ({ ...base, kind: 'mail', url: url ?? secret, from, to }),
  webhook: (base, { url = '' }, secret) => ({ ...base, kind: 'webhook', url, secret }),
  sheet: (base, { spreadsheetId = '', tab = 'Backups', rows = 'results', rootUrl = null, tokenUrl = null }, key) => ({
    ...base,
    kind: 'sheet',
    ...{ key, spreadsheetId, tab, rows, rootUrl, tokenUrl },
  }),
};

type Check = (given: BackupTargetSettings, secret: string, sources: TargetSources) => readonly string[];

const checks: Readonly<Record<BackupTarget['kind'], Check>> = {
  mail: ({ url, to = [] }, secret) => {
    if (to.some((address) => address.split('@').length > 2)) return ['to is a list: each address by itself'];
    const text = url ?? secret;
    const server = URL.canParse(text) ? new URL(text) : null;
    if (server === null || !/^smtps?:$/.test(server.protocol) || server.hostname === '')
      return ['the mail server is not one like smtp://user:password@host:587'];
    if (url !== undefined && (server.username !== '' || server.password !== ''))
      return ['url holds a password, which belongs into a secretFile: the whole address'];
    return [];
  },
  webhook: ({ url = '' }, _secret, { allowInsecure }) => {
    try {
      const { origin } = new URL(url);
      parseServerUrl(origin, allowInsecure);
      return new URL(url).username === '' ? [] : ['url holds a user'];
    } catch (error) {
      return [error instanceof UpdaterError ? error.message : 'url is no http or https address'];
    }
  },
  sheet: (_given, key) => {
    try {
      const { client_email: email, private_key: privateKey } = JSON.parse(key) as Record<string, unknown>;
      if (typeof email === 'string' && typeof privateKey === 'string') return [];
    } catch {
      // What a parser says about a key may quote it.
    }
    return ['the secret is not the JSON that Google hands out for a service account'];
  },
};
