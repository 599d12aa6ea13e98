import { dirname, join } from 'node:path';

/** How npx is started without a shell. On Windows it is a batch file, whose program lies beside Node. */
export const npxCommand =
  process.platform === 'win32' ? [process.execPath, join(dirname(process.execPath), 'node_modules/npm/bin/npx-cli.js')] : ['npx'];
