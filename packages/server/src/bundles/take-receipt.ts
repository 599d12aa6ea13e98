/**
 * What a terminal tells by way of whoever carries its receipt: as if it had told it itself, whoever brings it, and once,
 * however often.
 */
import { isSealedBy, readReceipt, UpdaterError } from '@remendo/core';
import { type Receipt, type ReceiptAnswer, ReceiptBody } from '@remendo/core/protocol';
import { Value } from 'typebox/value';
import type { Principal } from '../accounts/principal.js';
import { type EventRecorder, recordEvents } from '../history/record-events.js';
import { isUnstorable } from '../plugins/request-text.js';
import type { AppPorts } from '../routes/app-ports.js';

type SignedIn = Exclude<Principal, { readonly kind: 'anonymous' }>;

export interface BroughtReceipt {
  readonly receipt: Receipt;
  readonly carrier: SignedIn;
  readonly address: string;
}

/**
 * Customers and their terminals bring receipts of their own terminals; operators, of all.
 * @throws UpdaterError RECORD_NOT_FOUND for a terminal that is not theirs or did not make it;
 * REQUEST_INVALID; LIMIT_RATE.
 */
export async function takeReceipt(
  { signIn, catalogue }: Pick<AppPorts, 'signIn' | 'catalogue'>,
  recorder: EventRecorder,
  { receipt, carrier, address }: BroughtReceipt,
): Promise<ReceiptAnswer> {
  const principal = await signIn.terminalOf(receipt.terminal_id, (secretSha256) => isSealedBy(receipt, secretSha256));
  if (carrier.kind !== 'operator' && carrier.customer.id !== principal.customer.id) {
    const { terminal_id: terminal } = receipt;
    throw new UpdaterError('RECORD_NOT_FOUND', `no terminal ${terminal} of yours says so`, { details: { terminal } });
  }
  const { application, platform, events } = readReceipt(receipt, parseBody);
  const source = { principal, terminalKey: principal.terminal.id, application, platform, address, userAgent: 'receipt' };
  const told = await recordEvents(recorder, await catalogue.view(), source, events);
  return { ...told, terminal_id: principal.terminal.id, customer: principal.customer.code };
}

/** It comes as text in a request: what is in it was not looked at with that. */
function parseBody(value: unknown): ReceiptBody {
  if (isUnstorable(value)) throw new UpdaterError('REQUEST_INVALID', 'text must not have NUL or halves of characters');
  return Value.Parse(ReceiptBody, value);
}
