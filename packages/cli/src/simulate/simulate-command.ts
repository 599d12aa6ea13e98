/** `remendo simulate`: many terminals against one server, and the proof that nothing was lost. */
import { parseServerUrl, UpdaterError } from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import { exitCodes } from '../exit-codes.js';
import type { Output } from '../output/output.js';
import { countText } from '../output/quantity.js';
import type { Settings } from '../settings.js';
import { findLostEvents, type LoggedEvents } from './find-lost-events.js';
import { parseSimulation, type SimulateOptions, type Simulation } from './parse-simulation.js';
import { fleetReport, printFleet } from './report-fleet.js';
import { type FleetProgress, type FleetRun, runFleet } from './run-fleet.js';

export const simulateSettings = [
  'server',
  'application',
  'platform',
  'channel',
  'allowInsecure',
  'token',
  'apiKey',
  'apiSecret',
] as const;

export interface SimulateGiven {
  readonly options: SimulateOptions;
  readonly settings: Settings<(typeof simulateSettings)[number]>;
}

/** @returns 1 when something was lost or went wrong that the simulator did not cause itself. */
export async function runSimulate({ output, signal, isInteractive }: CommandContext, given: SimulateGiven): Promise<number> {
  const simulation = parseSimulation(given.options);
  const { application, platform, channel } = given.settings;
  const server = serverOf(given, simulation);
  const onProgress = progressLines(output, simulation, isInteractive);
  const run = await runFleet(simulation, {
    server,
    application,
    platform,
    channel: channel ?? 'stable',
    credentials: credentialsOf(given, simulation),
    signal,
    onProgress,
  });
  const logged = await readLog(run, given, { output, signal });
  output.progress.end();
  const report = fleetReport(run, { server, simulation, logged });
  printFleet(output, report);
  return report.lost === 0 && report.failures.length === 0 ? exitCodes.done : exitCodes.unexpected;
}

function serverOf({ settings }: SimulateGiven, { hasOwnAddresses }: Simulation): URL {
  // The command asks for it as required: without it, it has ended before.
  if (settings.server === null) throw new TypeError('settings were not checked');
  const url = parseServerUrl(settings.server, settings.allowInsecure ?? false);
  if (!hasOwnAddresses || url.hostname === 'localhost' || url.hostname.startsWith('127.')) return url;
  throw new UpdaterError('CONFIG_INVALID', '--addresses loopback needs a server on this machine, at 127.0.0.1');
}

function credentialsOf({ settings }: SimulateGiven, { enrols }: Simulation): Readonly<Record<string, string>> {
  const { apiKey, apiSecret } = settings;
  if (apiKey !== null && apiSecret !== null) return { authorization: `Bearer ${apiKey}`, 'x-api-secret': apiSecret };
  if (!enrols) return {};
  throw new UpdaterError('CONFIG_INVALID', '--enrol needs REMENDO_API_KEY and REMENDO_API_SECRET');
}

async function readLog(
  run: FleetRun,
  { settings }: SimulateGiven,
  { output, signal }: Pick<CommandContext, 'output' | 'signal'>,
): Promise<LoggedEvents | null> {
  const { token, server, allowInsecure } = settings;
  if (token === null || server === null) return null;
  output.progress.step("Reading the server's log");
  return findLostEvents(run, { server, allowInsecure: allowInsecure ?? false, token, signal });
}

/** One line that keeps changing where somebody looks; elsewhere one for each quarter. */
function progressLines(
  { progress }: Output,
  { durationMs }: Simulation,
  isInteractive: boolean,
): (progress: FleetProgress) => void {
  const stepMs = isInteractive ? 0 : durationMs / 4;
  let nextMs = 0;
  return ({ step, elapsedMs, traffic }) => {
    if (step === 'enrolling') return progress.step('Enrolling');
    if (elapsedMs < nextMs) return;
    nextMs = elapsedMs + stepMs;
    const seconds = `${Math.round(elapsedMs / 1_000)} s of ${Math.round(durationMs / 1_000)} s`;
    const { answers, updatesCompleted } = traffic.counts;
    const errors = traffic.failures().reduce((sum, { count }) => sum + count, 0);
    progress.step(
      `${step === 'finishing' ? 'Finishing' : seconds}: ${countText(answers, 'answer')}, ${countText(updatesCompleted, 'update')}, ${countText(errors, 'error')}`,
    );
  };
}
