import type { Output } from '../output/output.js';
import { runInstall } from '../terminal/install-command.js';
import { type Setup, telling } from './setup.js';

/** The newest release, by the same command that people use; what it asks and shows of plans stays its own. */
export async function installApplication(setup: Setup): Promise<void> {
  const { context, say, answers, steps, isDry } = setup;
  if (!answers.installs) return steps.tell('application', 'left_out', say.applicationNotAsked);
  if (isDry) return steps.tell('application', 'planned', say.applicationPlanned);
  let result: Readonly<Record<string, unknown>> = {};
  const quiet: Output = {
    ...context.output,
    line: () => {},
    document: () => {},
    event: () => {},
    result: (fields) => {
      result = fields as Readonly<Record<string, unknown>>;
    },
  };
  const { root, home } = answers.layout;
  const from = answers.bundle === null ? {} : { bundle: answers.bundle };
  const install = { flags: { root, home, ...from }, yes: true, command: [], isShown: true };
  await telling(setup, 'application', () => runInstall({ ...context, output: quiet }, null, install));
  const { outcome, version } = result;
  const installed = typeof version === 'string' ? version : null;
  if (outcome === 'updated' || outcome === 'recovered')
    steps.tell('application', 'done', say.applicationInstalled(installed ?? ''));
  else if (installed === null) steps.tell('application', 'left_out', say.applicationNothing);
  else steps.tell('application', 'kept', say.applicationKept(installed));
}
