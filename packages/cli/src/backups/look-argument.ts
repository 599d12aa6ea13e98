/** What this program is started with, instead of a command, to look at one backup (look-process.ts): nobody's but its own. */
export const lookArgument = 'look-at-backup';
