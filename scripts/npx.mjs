import { dirname, join } from 'node:path';

const program = (name) =>
  process.platform === 'win32'
    ? [process.execPath, join(dirname(process.execPath), `node_modules/npm/bin/${name}-cli.js`)]
    : [name];

/** How npx and npm are started without a shell. On Windows each is a batch file, whose program lies beside Node. */
export const npxCommand = program('npx');
export const npmCommand = program('npm');
