/** `remendo register`: becomes a customer. Key and secret are told this once, on the screen or into a file of one's own. */
import type { RegisterRequest } from '@remendo/core/protocol';
import type { CommandContext } from '../command-context.js';
import { customerCredentialsOf } from '../credentials.js';
import { exitCodes } from '../exit-codes.js';
import { openServer } from '../open-server.js';
import { dayText } from '../output/duration.js';
import { printable } from '../output/printable.js';
import { pairLines } from '../output/table.js';
import { type Settings, settings as table } from '../settings.js';
import { becomeCustomer, confirmMail, type NewCustomer, sendMailCode, wasCodeMailed } from './become-customer.js';
import { customerMessages } from './customer-messages.js';

export interface Registration {
  readonly request: RegisterRequest;
  /** File for key and secret; null: they are printed. */
  readonly out: string | null;
}

export async function runRegister(
  context: CommandContext,
  registration: Registration,
  settings: Settings<'server' | 'allowInsecure'>,
): Promise<number> {
  const { signal } = context;
  const made = await becomeCustomer(openServer(settings, {}), registration, signal);
  const isCodeMailed = await wasCodeMailed(openServer(settings, customerCredentialsOf(made)), signal);
  report(context, { made, ...registration, isCodeMailed });
  return exitCodes.done;
}

type CustomerSettings = Settings<'server' | 'allowInsecure' | 'apiKey' | 'apiSecret'>;

/** `--confirm CODE`: the address is the customer's. */
export async function runConfirm(
  { output, language, signal }: CommandContext,
  code: string,
  settings: CustomerSettings,
): Promise<number> {
  await confirmMail(openServer(settings, customerCredentialsOf(settings)), code, signal);
  output.document({ confirmed: true });
  output.line(customerMessages(language).confirmed);
  return exitCodes.done;
}

/** `--send-code`: another one, where the first did not arrive. */
export async function runSendCode({ output, language, signal }: CommandContext, settings: CustomerSettings): Promise<number> {
  const say = customerMessages(language);
  const sent = await sendMailCode(openServer(settings, customerCredentialsOf(settings)), signal);
  output.document({ sent });
  output.line(sent ? say.codeSent : say.codeNotSent);
  return exitCodes.done;
}

interface Registered extends Registration {
  readonly made: NewCustomer;
  readonly isCodeMailed: boolean;
}

function report({ output, language }: CommandContext, { made, request, out, isCodeMailed }: Registered): void {
  const say = customerMessages(language);
  const { code, apiKey, apiSecret, data } = made;
  const { service_level: level, requested_level: requested, expires_on, limits, features } = data;
  const secrets = out === null ? { apiKey, apiSecret } : { file: out };
  const mail = { mailCodeSent: isCodeMailed };
  output.document({ code, ...secrets, service_level: level, requested_level: requested, expires_on, limits, features, ...mail });
  const wish = requested === level ? '' : `; ${say.levelWished(requested)}`;
  const pairs = [
    [say.customer, printable(code)],
    [say.level, `${level}${wish}`],
    [say.lastDay, printable(dayText(language, expires_on))],
    ...(out === null ? [[say.key, printable(apiKey)] as const, [say.secret, printable(apiSecret)] as const] : []),
  ] as const;
  const place = out === null ? null : printable(out);
  const lines = [
    ...pairLines(pairs),
    '',
    ...(place === null
      ? [say.shownOnce, say.shownOncePlaces(table.apiKey.variable, table.apiSecret.variable)]
      : [say.keptIn(place), say.keptInUse(place)]),
    ...(isCodeMailed ? ['', say.codeMailed(printable(request.email)), say.codeMailedUse] : []),
  ];
  for (const line of lines) output.line(line);
}
