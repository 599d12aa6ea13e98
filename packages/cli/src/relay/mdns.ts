/**
 * Multicast DNS: how a relay makes itself known in its branch, and how terminals find it. Whoever is in the network can say
 * anything here. So only private addresses of this machine's own networks are taken, few of them, each from its own machine, and
 * what a packet does to the library ends nothing.
 */
import { isIPv4 } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { Bonjour } from 'bonjour-service';
import { addressTest, isPrivateAddress } from './networks.js';

const type = 'remendo-relay';
const foundMax = 8;
/** On a LAN answers take a few milliseconds. */
const lookMs = 400;

export interface Announcement {
  /** Takes it back, as far as the network lets. */
  end(): Promise<void>;
}

/**
 * @param at what the relay listens at.
 * @param onFailure told when this machine lets nobody announce: the relay works all the same.
 */
export function announceRelay(
  at: { readonly host: string; readonly port: number },
  onFailure: (message: string) => void,
): Announcement {
  const bonjour = openBonjour(onFailure);
  // Probing for the name would print to the standard output when it is taken.
  bonjour?.publish({
    name: `remendo relay ${hostname()}`,
    type,
    port: at.port,
    probe: false,
    disableIPv6: isIPv4(at.host),
    txt: { protocol: '1' },
  });
  return {
    end: () =>
      new Promise((resolve) => {
        if (bonjour === null) return resolve();
        // A network that is gone answers nothing.
        const late = globalThis.setTimeout(resolve, 500);
        bonjour.unpublishAll(() => {
          clearTimeout(late);
          bonjour.destroy();
          resolve();
        });
      }),
  };
}

/**
 * Addresses of the relays that answer within `forMs`, in a fixed order; once one has, the others have another moment. Where there
 * is no multicast: none. Each machine speaks for itself: nobody makes terminals ask somebody else, or more than once.
 */
export async function findRelays(forMs: number): Promise<readonly string[]> {
  const found = new Map<string, string>();
  const isNear = addressTest(ownNetworks());
  const bonjour = openBonjour(() => undefined);
  if (bonjour === null) return [];
  const browser = bonjour.find({ type }, ({ referer, port }) => {
    const { address = '' } = referer ?? {};
    const url = relayUrl(address, port, isNear);
    if (url !== null && !found.has(address) && found.size < foundMax) found.set(address, url);
  });
  for (let passedMs = 0; passedMs < forMs && found.size === 0; passedMs += lookMs) {
    // Packets get lost.
    if (passedMs > 0) browser.update();
    await setTimeout(lookMs);
  }
  await setTimeout(lookMs);
  bonjour.destroy();
  return [...found.values()].sort();
}

/** Of this machine, as CIDR; its own loopback is none. */
const ownNetworks = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((all) =>
    (all ?? []).flatMap(({ internal, cidr }) => (internal || cidr === null ? [] : [cidr])),
  );

/**
 * Null for what no relay of this branch can have: link-local IPv6 needs a zone, which no address of http has.
 * @param isNear whether an address lies in a network of this machine's: not on the machine itself, nor behind a router.
 */
export function relayUrl(address: string, port: number, isNear: (address: string) => boolean): string | null {
  const isUsable = isPrivateAddress(address) && isNear(address) && !address.includes('%') && !/^fe[89ab]/i.test(address);
  if (!isUsable || !Number.isInteger(port) || port < 1 || port > 65_535) return null;
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}/`;
}

interface Emitter {
  emit(event: string, ...args: unknown[]): boolean;
  on(event: string, listener: (error: Error) => void): void;
}

/** The library hands out no errors of its socket, and reads packets without catching what is wrong with them. */
function openBonjour(onFailure: (message: string) => void): Bonjour | null {
  const failed = (error: unknown): void => onFailure(error instanceof Error ? error.message : String(error));
  try {
    const bonjour = new Bonjour({}, failed);
    const { mdns } = (bonjour as unknown as { readonly server: { readonly mdns: Emitter } }).server;
    const emit = mdns.emit.bind(mdns);
    mdns.on('error', failed);
    mdns.emit = (event, ...args) => {
      try {
        return emit(event, ...args);
      } catch {
        return false;
      }
    };
    return bonjour;
  } catch (error) {
    failed(error);
    return null;
  }
}
