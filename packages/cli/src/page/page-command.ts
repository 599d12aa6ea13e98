/** `remendo page`: the update manager of one install, for programs of this machine, until it is told to end. */
import { resolve } from 'node:path';
import { installLayout } from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import type { SettingSources } from '../config.js';
import { loadSettings } from '../config-files.js';
import { exitCodes } from '../exit-codes.js';
import type { Language } from '../language.js';
import { outputMessages } from '../output/messages.js';
import { told } from '../output/phrases/told.js';
import { printable } from '../output/printable.js';
import { terminalMessages, wordFor } from '../terminal/messages.js';
import { pageMessages } from './messages.js';
import { type OpenPageOptions, openPage } from './open-page.js';
import type { UpdateState } from './page-schemas.js';

export interface PageOptions extends Pick<OpenPageOptions, 'port' | 'serverWaitMs'> {
  readonly flags: SettingSources['flags'];
}

export async function runPage(context: CommandContext, { flags, ...options }: PageOptions): Promise<number> {
  const { output, signal, environment, language } = context;
  const settings = loadSettings(['root', 'home', 'agent'], { flags, environment }, ['root']);
  const layout = installLayout(resolve(settings.root ?? '.'), settings.home === null ? undefined : resolve(settings.home));
  const say = pageMessages(language);
  const onUpdate = (state: UpdateState): void => tellUpdate(context, state);
  const page = await openPage(context, { ...options, layout, flags, agent: settings.agent, onUpdate });
  output.event('listening', { url: page.url });
  output.line(say.listening(page.url));
  output.line(say.secret);
  await new Promise<void>((ended) => {
    if (signal.aborted) ended();
    signal.addEventListener('abort', () => ended(), { once: true });
  });
  await page.close();
  output.event('ended');
  output.line(say.closing);
  return exitCodes.done;
}

function tellUpdate({ output, language }: CommandContext, update: UpdateState): void {
  const say = pageMessages(language);
  const { state, asked_version: asked, outcome, version } = update;
  output.event(state === 'running' ? 'update_started' : 'update_ended', update);
  if (state === 'running') output.line(say.started(asked === null ? null : printable(asked)));
  else if (version !== null && goodOutcomes.has(outcome)) output.line(say.installed(printable(version)));
  else output.line(say.notUpdated(reasonOf(update, language)));
}

const goodOutcomes: ReadonlySet<string | null> = new Set(['updated', 'up_to_date', 'recovered']);

function reasonOf({ outcome, code, message }: UpdateState, language: Language): string {
  if (outcome === 'interrupted') return outputMessages(language).interrupted;
  const words = terminalMessages(language);
  return printable(message === null ? wordFor(words, outcome ?? '') : told(wordFor(words, message), language, code));
}
