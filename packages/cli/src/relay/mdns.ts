/**
 * Multicast DNS: how a relay makes itself known in its branch, and how terminals find it. Whoever is in the network can say
 * anything here. So only private addresses are taken, few of them, and what a packet does to the library ends nothing.
 */
import { isIPv4 } from 'node:net';
import { hostname } from 'node:os';
import { Bonjour } from 'bonjour-service';
import { isPrivateAddress } from './networks.js';

const type = 'remendo-relay';
const foundMax = 8;

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
        const late = setTimeout(resolve, 500);
        bonjour.unpublishAll(() => {
          clearTimeout(late);
          bonjour.destroy();
          resolve();
        });
      }),
  };
}

/** Addresses of the relays that answer within `forMs`, in a fixed order. Where there is no multicast: none. */
export async function findRelays(forMs: number): Promise<readonly string[]> {
  const found = new Set<string>();
  const bonjour = openBonjour(() => undefined);
  if (bonjour === null) return [];
  bonjour.find({ type }, ({ addresses = [], referer, port }) => {
    for (const address of [...addresses, referer?.address ?? '']) {
      const url = relayUrl(address, port);
      if (url !== null && found.size < foundMax) found.add(url);
    }
  });
  await new Promise((resolve) => setTimeout(resolve, forMs));
  bonjour.destroy();
  return [...found].sort();
}

/** Null for what no relay of this branch can have: link-local IPv6 needs a zone, which no address of http has. */
export function relayUrl(address: string, port: number): string | null {
  const isUsable = isPrivateAddress(address) && !address.includes('%') && !/^fe[89ab]/i.test(address);
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
