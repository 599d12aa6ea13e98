/**
 * `remendo setup`: from one command to an installed, registered and scheduled agent. What it is told is read and checked
 * first; then each step is done, or kept where it is right already, and told. A step that fails leaves what is done: the same
 * command goes on from there.
 */
import { release } from 'node:os';
import { join } from 'node:path';
import type { CommandContext } from '../command-context.js';
import { configFileName } from '../config-files.js';
import { exitCodes } from '../exit-codes.js';
import type { Output } from '../output/output.js';
import { systemPermissions } from '../permissions/system-permissions.js';
import { agentServiceOf } from '../service/agent-service-of.js';
import { systemService } from '../service/system-service.js';
import { asOwner } from './as-owner.js';
import { becomeKnown } from './become-known.js';
import type { Identity } from './enrol-terminal.js';
import { installApplication } from './install-application.js';
import { type SetupMessages, setupMessages } from './messages.js';
import { type Prepared, prepare } from './prepare-steps.js';
import { readAnswers, readPlace, type SetupGiven } from './read-answers.js';
import { type RootOfTrust, readRootOfTrust } from './root-of-trust.js';
import { removeAgent, setUpAgent } from './set-up-agent.js';
import type { Setup, SetupPorts } from './setup.js';
import { type SystemFacts, systemFacts, unsupportedBecause } from './supported-system.js';
import { toldSteps } from './told-steps.js';

export interface SetupOptions extends Omit<SetupGiven, 'environment'> {
  readonly isDry: boolean;
  /** Take the agent away again. */
  readonly isRemoving: boolean;
}

const systemPorts = (): SetupPorts => ({
  permissions: systemPermissions,
  openService: systemService,
  system: systemFacts(release()),
});

export async function runSetup(
  context: CommandContext,
  { isDry, isRemoving, ...given }: SetupOptions,
  ports: SetupPorts = systemPorts(),
): Promise<number> {
  const { output, language, environment } = context;
  const say = setupMessages(language);
  if (isRemoving) {
    const place = await readPlace({ ...given, environment });
    const service = agentServiceOf(place.layout, place, ports.openService);
    return removeAgent({ context, say, service, steps: toldSteps(output, say), isDry });
  }
  const answers = await readAnswers({ ...given, environment });
  const service = agentServiceOf(answers.layout, answers, ports.openService);
  const steps = toldSteps(output, say);
  const setup: Setup = { context, say, answers, ports, service, steps, left: [], isDry };
  warnUnsupported(output, say, ports.system);
  const root = answers.trustRoot === null ? null : await readRootOfTrust(answers.trustRoot);
  await service?.assertAllowed();
  const done = await doAll(setup, root);
  report(setup, done);
  return exitCodes.done;
}

interface Done extends Prepared {
  readonly root: RootOfTrust | null;
  readonly identity: Identity;
}

function warnUnsupported(output: Output, say: SetupMessages, system: SystemFacts): void {
  const why = unsupportedBecause(system);
  if (why !== null) output.warn(say.unsupported(say[why]));
}

async function doAll(setup: Setup, root: RootOfTrust | null): Promise<Done> {
  const { context, say, steps, service } = setup;
  const isByHand = service?.isByHand() === true;
  try {
    const done = await asOwner(setup, async () => {
      const prepared = await prepare(setup, root);
      const identity = await becomeKnown(setup);
      await installApplication(setup);
      // The updater's folder is the account's: root writes nothing there.
      if (isByHand) await setUpAgent(setup);
      return { root, ...prepared, identity };
    });
    if (!isByHand) await setUpAgent(setup);
    return done;
  } catch (error) {
    const doneSteps = steps.all.filter(({ outcome }) => outcome === 'done' || outcome === 'changed');
    if (doneSteps.length > 0) context.output.note(say.goOn);
    throw error;
  }
}

function report(
  { context: { output }, say, answers, steps, service, left, isDry }: Setup,
  { root, trust, permissions, identity }: Done,
): void {
  const { layout } = answers;
  output.document({
    root: layout.root,
    home: layout.home,
    config: join(layout.home, configFileName),
    configuration: identity.configuration,
    trust,
    trustRoot: root === null ? null : { version: root.version, expires: root.expires },
    permissions,
    terminalId: identity.terminalId,
    service: service?.name ?? null,
    steps: steps.all,
    commands: left,
    dryRun: isDry,
  });
  output.line(isDry ? say.nothingChanged : left.length > 0 ? say.readyButForThat : say.ready);
}
