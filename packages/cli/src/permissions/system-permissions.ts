import type { InstallPermissions } from './install-permissions.js';
import { posixPermissions } from './posix-permissions.js';
import { windowsPermissions } from './windows-permissions.js';

/** Those of this system. */
export const systemPermissions = (): InstallPermissions =>
  process.platform === 'win32' ? windowsPermissions() : posixPermissions();
