/** The path that a single file has as a base, so that `apply` finds it whatever it is called there. */
export const neutralFileName = 'base';
