/**
 * The part of bsdiff-node that is used. Its `patch` is left out on purpose: it trusts the lengths inside a patch and is
 * never called; patches are applied by patch/bsdiff40.
 */
declare module 'bsdiff-node' {
  const bsdiff: {
    /** Rejects with a string, not an Error. */
    diff(basePath: string, targetPath: string, patchPath: string): Promise<void>;
  };
  export default bsdiff;
}
