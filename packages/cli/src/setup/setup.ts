/** What the steps of `setup` work with. */
import type { CommandContext } from '../command-context.js';
import type { InstallPermissions } from '../permissions/install-permissions.js';
import type { AgentService } from '../service/agent-service.js';
import type { OpenService } from '../service/system-service.js';
import type { SetupMessages } from './messages.js';
import type { SetupAnswers } from './read-answers.js';
import type { SystemFacts } from './supported-system.js';
import type { StepName, ToldSteps } from './told-steps.js';

/** What setup changes of the machine besides the install itself. */
export interface SetupPorts {
  readonly permissions: () => InstallPermissions;
  readonly openService: OpenService;
  readonly system: SystemFacts;
}

export interface Setup {
  readonly context: CommandContext;
  readonly say: SetupMessages;
  readonly answers: SetupAnswers;
  readonly ports: SetupPorts;
  /** Null: the agent is not setup's business. */
  readonly service: AgentService | null;
  readonly steps: ToldSteps;
  /** Command lines that a person still has to run. */
  readonly left: string[];
  readonly isDry: boolean;
}

/** A step that fails is told as such, before its error. */
export async function telling<Value>({ steps }: Setup, step: StepName, use: () => Promise<Value>): Promise<Value> {
  try {
    return await use();
  } catch (error) {
    steps.tell(step, 'failed');
    throw error;
  }
}
