import type { Command } from 'commander';
import { addExamples } from '../command-options.js';
import type { Run } from '../run.js';
import { runInspect } from './inspect-command.js';

export function addInspectCommand(program: Command, run: Run): void {
  const command = program
    .command('inspect')
    .argument('<FILE>', 'a delta file, a manifest, a BSDIFF40 patch, a journal or a release zip')
    .summary('print what a file holds')
    .description(
      'Tells a file by its first bytes and prints what it holds: a delta file, a manifest, a BSDIFF40 patch, the journal of an install or the zip of a release.',
    )
    .option('--all', 'Print long lists whole')
    .action((path: string, options: { readonly all?: boolean }) => run(command, (context) => runInspect(context, path, options)));
  addExamples(command, 'remendo inspect erp.delta', 'remendo inspect /opt/erp/.remendo/journal --json');
}
