/** The last step: the system keeps the agent running; and the way back from it. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeFileSystem } from '@remendo/core';
import { agentLockName } from '../agent/agent-state.js';
import { linkOrCopy, sparePath } from '../agent/self-update/spare-program.js';
import { configFileName } from '../config-files.js';
import { exitCodes } from '../exit-codes.js';
import { printable } from '../output/printable.js';
import { selfUpdateOf } from '../service/agent-service-of.js';
import { terminalFile } from './enrol-terminal.js';
import { type Setup, telling } from './setup.js';

/** @throws UpdaterError SERVICE_FAILED, STORAGE_FAILED. */
export async function setUpAgent(setup: Setup): Promise<void> {
  const { context, say, service, steps, isDry } = setup;
  const { output } = context;
  if (service === null) return steps.tell('agent', 'left_out', say.agentNotAsked);
  const restarts = await hasNewSettings(setup);
  if (isDry) {
    if (!restarts && (await service.isRight())) return steps.tell('agent', 'kept', service.name);
    for (const line of service.plan()) output.note(say.wouldRun(printable(line)));
    return steps.tell('agent', 'planned', service.name);
  }
  const { outcome, name, commands } = await telling(setup, 'agent', async () => {
    if (process.platform === 'win32') await placeSpare(setup);
    return service.install(restarts);
  });
  if (outcome === 'written') steps.tell('agent', 'by_hand', name);
  else steps.tell('agent', outcome === 'made' ? 'done' : outcome, say.agentRuns(name));
  setup.left.push(...commands);
  if (commands.length > 0) output.line(outcome === 'written' ? say.agentWritten : say.agentAsRoot);
  for (const command of commands) output.line(`  ${printable(command)}`);
}

/**
 * An agent that runs has read its settings once it had taken its lock. By the disk, not by what this call has changed: one that
 * failed before it came to the agent has left changes too. What has the same time may have been written afterwards.
 */
async function hasNewSettings({ steps, answers: { layout } }: Setup): Promise<boolean> {
  if (steps.all.some(({ step, outcome }) => step === 'configuration' && outcome === 'planned')) return true;
  const changedMs = async (path: string): Promise<number | null> => (await stat(path).catch(() => null))?.mtimeMs ?? null;
  const startedMs = await changedMs(join(layout.home, agentLockName));
  const times = await Promise.all([join(layout.home, configFileName), terminalFile(layout.home)].map(changedMs));
  return startedMs !== null && times.some((ms) => ms !== null && ms >= startedMs);
}

/** A task does not start what follows on a program that is not there, and its first is the agent's spare. */
async function placeSpare({ answers: { layout, selfUpdate } }: Setup): Promise<void> {
  const own = selfUpdateOf(selfUpdate, layout);
  if (own === null) return;
  const spare = sparePath(own.home, own.program);
  if ((await nodeFileSystem().stat(spare)) === null) await linkOrCopy(nodeFileSystem(), join(own.root, own.program), spare);
}

/** `--remove` */
export async function removeAgent({
  context,
  say,
  service,
  steps,
  isDry,
}: Pick<Setup, 'context' | 'say' | 'service' | 'steps' | 'isDry'>): Promise<number> {
  if (service === null) {
    steps.tell('agent', 'left_out', say.agentNotAsked);
    return exitCodes.done;
  }
  await service.assertAllowed();
  if (isDry) steps.tell('agent', 'planned', service.name);
  else if (await service.remove()) steps.tell('agent', 'done', say.agentRemoved(service.name));
  else steps.tell('agent', 'kept', say.agentNotThere(service.name));
  context.output.document({ steps: steps.all, dryRun: isDry });
  return exitCodes.done;
}
