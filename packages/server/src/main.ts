#!/usr/bin/env node
/** `remendo-server`: reads the settings, starts, says where it listens, and stops when it is told to. */
import { errorChain, hasCode } from '@remendo/core';
import type { FastifyBaseLogger } from 'fastify';
import { readConfig, type ServerConfig } from './config.js';
import { createServerLog } from './server-log.js';
import { isSecret, settings } from './settings.js';
import { type RunningServer, startServer } from './start-server.js';

const usageExitCode = 2;

async function main(): Promise<void> {
  const config = readConfig(process.argv.slice(2), process.env);
  if (config === 'shown') return;
  // They are in the settings now; what the process starts must not inherit them.
  for (const secret of Object.values(settings).filter(isSecret)) delete process.env[secret.variable];
  const log = createServerLog({ level: config.logLevel, write: (line) => void process.stderr.write(line) });
  const end = (code: number): never => process.exit(code);
  const server = await startServer({
    config,
    log,
    onBroken: (error) => {
      log.fatal({ event: 'server_broken', err: error }, 'the data folder or the database was lost; this server ends at once');
      end(1);
    },
  });
  stopOnSignals(server, config, end);
  if (config.tlsCertificate !== null) reloadOnSignal(server, log);
  if (server.madeToken !== null) {
    process.stderr.write(`The operator's token, shown this once: ${server.madeToken}\n`);
  }
  process.stdout.write(`${JSON.stringify({ event: 'listening', url: server.url })}\n`);
}

function stopOnSignals(server: RunningServer, config: ServerConfig, end: (code: number) => never): void {
  let stopping = false;
  const stop = (): void => {
    // A second signal is a person who will not wait.
    if (stopping) end(130);
    stopping = true;
    setTimeout(() => end(1), config.shutdownMs + 20_000).unref();
    server.close().then(
      () => end(0),
      () => end(1),
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

function reloadOnSignal(server: RunningServer, log: FastifyBaseLogger): void {
  process.on('SIGHUP', () => {
    try {
      server.reloadCertificate();
      log.info({ event: 'certificate_reloaded' }, 'new connections get the certificate that lies there now');
    } catch (error) {
      log.error({ event: 'certificate_refused', errors: errorChain(error) }, 'the certificate stays the one it was');
    }
  });
}

main().catch((error: unknown) => {
  for (const line of errorChain(error)) process.stderr.write(`${line}\n`);
  process.exitCode = hasCode(error, 'CONFIG_INVALID') ? usageExitCode : 1;
});
