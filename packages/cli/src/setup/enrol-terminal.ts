/**
 * Who this terminal is to the server. With the customer's key it is enrolled once; from then on it has an id and a secret of
 * its own, in a file of the updater's folder, and the customer's key is needed no more, nor named by the configuration.
 */
import { readFile } from 'node:fs/promises';
import { release, type } from 'node:os';
import { join } from 'node:path';
import { answerValidator, type HttpClient, hasCode, isUpdaterError, nodeFileSystem, writeDurably } from '@remendo/core';
import { type EnrolRequest, LicenseAnswer, NewTerminal } from '@remendo/core/protocol';
import {
  type Credentials,
  credentialsOf,
  customerCredentialsOf,
  encodeTerminalSecret,
  parseTerminalSecret,
} from '../credentials.js';
import { openServer } from '../open-server.js';
import { settings as table } from '../settings.js';
import { parseCustomerFile } from '../terminal/become-customer.js';
import { programVersion } from '../version.js';
import type { SetupAnswers } from './read-answers.js';

/** In the updater's folder. */
export const terminalFile = (home: string): string => join(home, 'terminal-secret');
export const customerFile = (home: string): string => join(home, 'customer.env');

export interface Identity {
  /** Of the enrolled terminal; null: it is not enrolled. */
  readonly terminalId: string | null;
  /** Names the file, where it is enrolled. */
  readonly configuration: Readonly<Record<string, unknown>>;
}

/** Who this terminal is before anybody is asked: what was said, or what an earlier call that was cut short has left. */
export async function identityOf({ asking, configuration, layout }: SetupAnswers): Promise<Identity> {
  const kept = asking.terminalSecret ?? (await readText(terminalFile(layout.home)));
  if (kept === null) return { terminalId: null, configuration };
  const path = configuration[table.terminalSecret.name] ?? (asking.terminalSecret === null ? terminalFile(layout.home) : undefined);
  return { terminalId: parseTerminalSecret(kept).id, configuration: enrolledConfiguration(configuration, path) };
}

/** @param path undefined: the secret comes from the environment. */
function enrolledConfiguration(configuration: Readonly<Record<string, unknown>>, path: unknown): Readonly<Record<string, unknown>> {
  const { [table.apiKey.name]: _key, [table.apiSecret.name]: _secret, ...rest } = configuration;
  return path === undefined ? rest : { ...rest, [table.terminalSecret.name]: path };
}

/** The customer's, from what was said or from what an earlier call registered; null: nobody's is known. */
export async function customerOf({ asking, layout }: SetupAnswers): Promise<Credentials | null> {
  const said = customerCredentialsOf(asking);
  if (Object.keys(said).length > 0) return said;
  const registered = parseCustomerFile((await readText(customerFile(layout.home))) ?? '');
  return registered === null ? null : customerCredentialsOf(registered);
}

const readText = async (path: string): Promise<string | null> => {
  const text = await readFile(path, 'utf8').catch(() => null);
  return text === null || text.trim() === '' ? null : text.trim();
};

const licenseAnswer = answerValidator(LicenseAnswer);
/** A server that does not answer by then is not waited for: what is there stays. */
const askMsMax = 15_000;

/** Whether the server refuses the terminal as one it does not know; a server that is away refuses nobody. */
export async function isRefused({ asking, layout }: SetupAnswers, signal: AbortSignal): Promise<boolean> {
  const terminalSecret = asking.terminalSecret ?? (await readText(terminalFile(layout.home)));
  const http = openServer(asking, credentialsOf({ ...asking, terminalSecret }));
  try {
    const within = AbortSignal.any([signal, AbortSignal.timeout(askMsMax)]);
    await http.json('api/v1/license/verify', { validate: licenseAnswer, signal: within });
    return false;
  } catch (error) {
    signal.throwIfAborted();
    if (isUpdaterError(error) || (error as Error).name === 'TimeoutError') return hasCode(error, 'AUTH_REQUIRED');
    throw error;
  }
}

const newTerminal = answerValidator(NewTerminal);

/**
 * Enrols this machine and keeps its secret.
 * @throws UpdaterError LICENSE_LIMIT, AUTH_REQUIRED, DOWNLOAD_FAILED …; STORAGE_FAILED when the secret could not be kept.
 */
export async function enrolTerminal(answers: SetupAnswers, customer: Credentials, signal: AbortSignal): Promise<Identity> {
  const http: HttpClient = openServer(answers.asking, customer);
  const body: EnrolRequest = {
    ...answers.terminal,
    operating_system: `${type()} ${release()}`.slice(0, 100),
    architecture: process.arch,
    agent_version: programVersion,
  };
  const { terminal_id: id, secret } = await http.json('api/v1/terminals/enrol', { body, validate: newTerminal, signal });
  const path = terminalFile(answers.layout.home);
  await writeDurably(nodeFileSystem(), path, new TextEncoder().encode(`${encodeTerminalSecret({ id, secret })}\n`));
  return { terminalId: id, configuration: enrolledConfiguration(answers.configuration, path) };
}
