import type { Credentials } from '../credentials.js';
import { openServer } from '../open-server.js';
import { printable } from '../output/printable.js';
import { becomeCustomer, wasCodeMailed } from '../terminal/become-customer.js';
import { requestOf } from '../terminal/customer-commands.js';
import { customerFile, customerOf, enrolTerminal, type Identity, identityOf, isRefused } from './enrol-terminal.js';
import { writeConfiguration } from './prepare-install.js';
import { type Setup, telling } from './setup.js';

/** Customer and terminal: registers, enrols, or keeps what is there. */
export async function becomeKnown(setup: Setup): Promise<Identity> {
  const { context, say, answers, steps, isDry } = setup;
  const { signal, output } = context;
  const { name, branch } = answers.terminal;
  const before = await identityOf(answers);
  const isLost = before.terminalId !== null && !isDry && (await isRefused(answers, signal));
  if (before.terminalId !== null && !isLost) {
    steps.tell('terminal', 'kept', before.terminalId);
    return before;
  }
  if (before.terminalId === null && !answers.enrols) {
    steps.tell('terminal', 'left_out', say.terminalNotAsked);
    return before;
  }
  const customer = await customerFor(setup);
  if (isDry && (customer !== null || answers.register !== null)) {
    steps.tell('terminal', 'planned', say.terminalPlanned(name, branch));
    return before;
  }
  if (customer === null) {
    steps.tell('terminal', 'left_out', before.terminalId ?? say.terminalNoKey);
    if (before.terminalId !== null) output.warn(say.terminalRefused(before.terminalId));
    return before;
  }
  const identity = await telling(setup, 'terminal', () => enrolTerminal(answers, customer, signal));
  await writeConfiguration(answers.layout, identity.configuration, isDry);
  steps.tell(
    'terminal',
    before.terminalId === null ? 'done' : 'changed',
    say.terminalEnrolled(identity.terminalId ?? '', name, branch),
  );
  return identity;
}

/** Null: no customer's key is known. */
async function customerFor(setup: Setup): Promise<Credentials | null> {
  const { context, say, answers, steps, isDry } = setup;
  const known = await customerOf(answers);
  if (known !== null || answers.register === null) {
    if (known !== null) steps.tell('customer', 'kept', say.customerKept);
    return known;
  }
  const { register: person, layout, asking } = answers;
  if (isDry) {
    steps.tell('customer', 'planned', say.customerPlanned(person.email));
    return null;
  }
  const file = customerFile(layout.home);
  const registration = { request: requestOf(person), out: file };
  const made = await telling(setup, 'customer', () => becomeCustomer(openServer(asking, {}), registration, context.signal));
  steps.tell('customer', 'done', say.customerRegistered(made.code, file));
  const customer = await customerOf(answers);
  if (customer !== null && (await wasCodeMailed(openServer(asking, customer), context.signal)))
    context.output.note(say.codeMailed(printable(person.email)));
  return customer;
}
