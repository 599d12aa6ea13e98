/** The terminal's side: from the setting `relay` to a source that is asked before the server. */
import { type Clock, type Random, type RelayEvent, type RelaySource, relaySource } from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import { relayMessages } from './messages.js';
import { parseRelays } from './parse-relays.js';

export interface Relays {
  /** For `UpdaterOptions.sources`. */
  readonly source: RelaySource;
  /** Writes to the log what each relay gave. */
  tell(): void;
}

export interface OpenRelaysOptions extends Pick<CommandContext, 'output' | 'language'> {
  readonly clock: Clock;
  readonly random: Random;
  /** Default: the platform's. Bytes from relays are none of the server's: give one that does not count them. */
  readonly fetch?: typeof globalThis.fetch;
  readonly log: { write(event: string, fields?: object): void };
}

/** How long relays have to make themselves known; it passes once, before the first download of an update. */
const findMs = 2_000;

/** @param setting `relay`. @returns null when it is off. @throws UpdaterError CONFIG_INVALID with every problem. */
export function openRelays(setting: readonly string[] | null, options: OpenRelaysOptions): Relays | null {
  const { urls, finds } = parseRelays(setting);
  if (urls.length === 0 && !finds) return null;
  const { clock, random, fetch } = options;
  const source = relaySource({
    clock,
    random,
    ...(fetch === undefined ? {} : { fetch }),
    find: async () => (finds ? [...new Set([...urls, ...(await find())])] : urls),
    onEvent: (event) => report(event, options),
  });
  return {
    source,
    tell() {
      const relays = source.given();
      if (relays.length > 0) options.log.write('relay_gave', { relays });
    },
  };
}

/** Loaded where it is needed: most terminals start their application without any of it. */
const find = async (): Promise<readonly string[]> => (await import('./mdns.js')).findRelays(findMs);

/** All of it to the log; what somebody should look into to people too. */
function report(event: RelayEvent, { log, output, language }: OpenRelaysOptions): void {
  const { kind, ...fields } = event;
  log.write(kind.replaceAll('-', '_'), fields);
  if (kind === 'relay-refuted') output.warn(relayMessages(language).refuted(event.url));
}
