/** What each command below `remendo keys` does. */
import { writeFileSync } from 'node:fs';
import { answerValidator, parseMetadata, UpdaterError } from '@remendo/core';
import { SigningKeyAnswer, SigningState } from '@remendo/core/protocol';
import {
  createSigningKey,
  decodePublicKey,
  delegateApplication,
  encodeKeyFile,
  encodeMetadata,
  encodePublicKey,
  keysOfApplicationRole,
  type OfferedMetadata,
  type OfflineMetadata,
  type RoleKeys,
  rolesOfRoot,
  rolesOfTargets,
  type SignedRole,
  signMetadata,
} from '@remendo/core/publish';
import type { CommandContext } from '../command-context.js';
import { exitCodes } from '../exit-codes.js';
import { openServer } from '../open-server.js';
import { handOver, type KeyChange, renew, revokeKey, rotateOnline, rotateTopLevel } from './change-roles.js';
import { finishSigning } from './finish-signing.js';
import { readOfferFile, writeOfferFile } from './offer-file.js';
import { offeredOf, openSigning, type Signing, type SigningSettings } from './open-signing.js';
import { type KeySettings, readPublicKeys, readSigningKeys } from './read-keys.js';
import { signingLines } from './signing-lines.js';

/** What all commands that sign take. */
export interface SignOptions {
  readonly key?: readonly string[];
  readonly out?: string;
  readonly cosigned?: boolean;
  readonly reason?: string;
}

export interface Signed {
  readonly options: SignOptions;
  readonly settings: SigningSettings;
}

/** Opens what is signed now, has `change` sign the next versions, and sends or writes them. */
async function signAndFinish(
  context: CommandContext,
  { options, settings }: Signed,
  change: (signing: Signing) => readonly SignedRole[] | Promise<readonly SignedRole[]>,
): Promise<number> {
  const { key = [], out = null, cosigned = false, reason = '' } = options;
  const signing = await openSigning(context, settings, key);
  const offered = offeredOf(await change(signing));
  if (offered.length === 0)
    throw new UpdaterError('CONFIG_INVALID', 'none of these keys signs anything: --key names those to sign with');
  return finishSigning(context, signing, { offered, out, isCosigned: cosigned, reason });
}

export function runCreateKey(
  context: CommandContext,
  options: { readonly out: string; readonly passphrase: boolean },
  settings: KeySettings,
): number {
  const { output } = context;
  if (options.passphrase && settings.keyPassphrase === null) {
    throw new UpdaterError(
      'CONFIG_INVALID',
      'REMENDO_KEY_PASSPHRASE is missing; --no-passphrase leaves the key as it is, for places that are protected otherwise',
    );
  }
  const key = createSigningKey();
  writeNew(options.out, encodeKeyFile(key, options.passphrase ? settings.keyPassphrase : null), 0o600);
  writeNew(`${options.out}.pub`, encodePublicKey(key), 0o644);
  output.document({ keyId: key.keyId, file: options.out, publicFile: `${options.out}.pub`, encrypted: options.passphrase });
  output.line(`Key ${key.keyId} is in ${options.out}; ${options.out}.pub is its public half, for whoever lists it.`);
  if (!options.passphrase) output.warn('the key is not encrypted: whoever reads the file signs with it');
  return exitCodes.done;
}

/** A key that is there is never written over. */
function writeNew(path: string, text: string, mode: number): void {
  try {
    writeFileSync(path, text, { flag: 'wx', mode });
  } catch (cause) {
    throw new UpdaterError('CONFIG_INVALID', `${path} can not be written, or is there already`, { cause });
  }
}

export async function runKeysStatus({ output, signal }: CommandContext, settings: SigningSettings): Promise<number> {
  const http = openServer(settings, { authorization: `Bearer ${settings.token ?? ''}` });
  const state = await http.json('api/v1/signing', { validate: answerValidator(SigningState), signal });
  output.document(state);
  for (const line of signingLines(state)) output.line(line);
  return exitCodes.done;
}

export interface HandOverOptions extends SignOptions {
  readonly rootKey: readonly string[];
  readonly rootThreshold: number | undefined;
  readonly targetsKey: readonly string[];
  readonly targetsThreshold: number | undefined;
}

/** Root and targets from the server to keys of one's own, which sign at once where their private halves are at hand. */
export async function runHandOver(
  context: CommandContext,
  { options, settings }: { options: HandOverOptions; settings: SigningSettings },
): Promise<number> {
  const { rootKey, rootThreshold, targetsKey, targetsThreshold, key = [] } = options;
  const to = {
    root: roleOf(readPublicKeys(rootKey, settings), rootThreshold),
    targets: roleOf(readPublicKeys(targetsKey, settings), targetsThreshold),
  };
  const holding = [...new Set([...rootKey, ...targetsKey, ...key])].filter((file) => !file.endsWith('.pub'));
  const given = { options: { ...options, key: holding, cosigned: true }, settings };
  return signAndFinish(context, given, (signing) => handOver(signing.current, to, signing));
}

const roleOf = (keys: RoleKeys['keys'], threshold: number | undefined): RoleKeys => ({ keys, threshold: threshold ?? 1 });

export interface DelegateOptions extends SignOptions {
  readonly to: readonly string[];
  readonly threshold: number | undefined;
}

/** An application to keys of its own: from now on only they sign its releases. */
export function runDelegate(
  context: CommandContext,
  given: { application: string; options: DelegateOptions; settings: SigningSettings },
): Promise<number> {
  const { application, options, settings } = given;
  const to = roleOf(readPublicKeys(options.to, settings), options.threshold);
  const key = [...(options.key ?? []), ...options.to.filter((file) => !file.endsWith('.pub'))];
  return signAndFinish(context, { options: { ...options, key: [...new Set(key)] }, settings }, (signing) =>
    delegateApplication(signing.current, { application, to }, signing),
  );
}

const newOnlineKey = answerValidator(SigningKeyAnswer);

/** Other keys for a role. The online one is made by the server: its private half never leaves it. */
export function runRotate(
  context: CommandContext,
  {
    role,
    change,
    ...given
  }: Signed & {
    readonly role: 'root' | 'targets' | 'online';
    readonly change: Omit<KeyChange, 'add'> & { readonly add: readonly string[] };
  },
): Promise<number> {
  return signAndFinish(context, given, async (signing) => {
    if (role === 'online') {
      const { public_key } = await signing.http.json('api/v1/signing/online-keys', {
        body: {},
        validate: newOnlineKey,
        signal: context.signal,
      });
      return rotateOnline(signing.current, { keys: [decodePublicKey(public_key)], threshold: 1 }, signing);
    }
    return rotateTopLevel(signing.current, role, { ...change, add: readPublicKeys(change.add, given.settings) }, signing);
  });
}

export const runRevoke = (
  context: CommandContext,
  { keyId, add, ...given }: Signed & { readonly keyId: string; readonly add: readonly string[] },
): Promise<number> =>
  signAndFinish(context, given, (signing) => revokeKey(signing.current, keyId, readPublicKeys(add, given.settings), signing));

export const runRenew = (context: CommandContext, given: Signed): Promise<number> =>
  signAndFinish(context, given, (signing) => renew(signing.current, signing));

/** Adds signatures to a file, without any server: for a machine that has no network. */
export function runSign(
  { output }: CommandContext,
  { file, options, settings }: { file: string; options: SignOptions; settings: KeySettings },
): number {
  const keys = readSigningKeys(options.key ?? [], settings);
  if (keys.length === 0) throw new UpdaterError('CONFIG_INVALID', '--key is missing (or REMENDO_SIGNING_KEY in the environment)');
  const signed = readOfferFile(file).map(({ role, bytes }): OfferedMetadata => {
    const metadata = role === 'root' ? parseMetadata('root', bytes) : parseMetadata('targets', bytes);
    // Who may sign is not in the file: a signature that nobody asked for is not counted by anybody.
    signMetadata(metadata, { keys: keys.map(({ publicKey }) => publicKey), threshold: 1 }, keys);
    return { role, bytes: encodeMetadata(metadata) };
  });
  writeOfferFile(file, signed);
  output.document({ file, roles: signed.map(({ role }) => role), keyIds: keys.map(({ keyId }) => keyId) });
  for (const { role, bytes } of signed) output.line(`${role}: ${summaryOf(role, bytes)}`);
  output.line(`Signed by ${keys.map(({ keyId }) => keyId.slice(0, 16)).join(', ')}.`);
  return exitCodes.done;
}

/** What one is about to have signed, in a line. */
function summaryOf(role: string, bytes: Uint8Array): string {
  if (role === 'root') {
    const { signed } = parseMetadata('root', bytes);
    const roles = Object.entries(signed.roles).map(
      ([name, { keyIDs, threshold }]) => `${name} ${threshold} of ${keyIDs.map((id) => id.slice(0, 8)).join(' ')}`,
    );
    return `version ${signed.version}, until ${signed.expires}; ${roles.join('; ')}`;
  }
  const { signed } = parseMetadata('targets', bytes);
  const names = [...Object.keys(signed.targets), ...Object.keys(signed.delegations?.roles ?? {})];
  return `version ${signed.version}, until ${signed.expires}${names.length === 0 ? '' : `; ${names.slice(0, 6).join(', ')}${names.length > 6 ? `, and ${names.length - 6} more` : ''}`}`;
}

export async function runUpload(context: CommandContext, { file, ...given }: Signed & { readonly file: string }): Promise<number> {
  const { cosigned = false, reason = '' } = given.options;
  const signing = await openSigning(context, given.settings, []);
  return finishSigning(context, signing, { offered: readOfferFile(file), out: null, isCosigned: cosigned, reason });
}

/** The newest root, verified, for `setup` and for who embeds the library. */
export async function runRoot(
  context: CommandContext,
  { out, settings }: { readonly out: string; readonly settings: SigningSettings },
): Promise<number> {
  const { current } = await openSigning(context, settings, []);
  writeFileSync(out, encodeMetadata(current.root));
  const { keys, threshold } = rolesOfRoot(current.root).root;
  context.output.document({ file: out, version: current.root.signed.version, keyIds: keys.map(({ keyID }) => keyID), threshold });
  context.output.line(
    `${out} holds root ${current.root.signed.version}: ship it with terminals (\`remendo setup --trust-root ${out}\`).`,
  );
  return exitCodes.done;
}

/** Who signs the releases of an application. @throws UpdaterError TRUST_THRESHOLD when it is delegated to nobody. */
export function keysOfApplication(current: OfflineMetadata, application: string): RoleKeys {
  const role = current.roles.get(`app-${application}`);
  if (role !== undefined && rolesOfTargets(current.targets).applications[application] !== undefined)
    return keysOfApplicationRole(role);
  throw new UpdaterError(
    'TRUST_THRESHOLD',
    `${application} is delegated to no keys yet: \`remendo keys delegate --application ${application}\` does that`,
  );
}
