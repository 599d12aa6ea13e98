import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { addressTest } from './networks.js';
import type { RelayConfig } from './relay-settings.js';

/** Nothing is read from who is not served, or from who has as many connections as one machine may. */
export function boundConnections(
  server: Server,
  { networks, connectionsMax, connectionsPerAddressMax }: RelayConfig,
  onRefused: () => void,
): void {
  const isServed = addressTest(networks);
  const open = new Map<string, number>();
  server.maxConnections = connectionsMax;
  server.on('drop', onRefused);
  server.on('connection', (socket: Socket) => {
    const { remoteAddress: address } = socket;
    const count = open.get(address ?? '') ?? 0;
    if (address === undefined || !isServed(address) || count >= connectionsPerAddressMax) {
      onRefused();
      socket.destroy();
      return;
    }
    open.set(address, count + 1);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
  });
}
