import { UpdaterError } from '../../errors.js';

/** What every refusal in this folder is. @param reason a sentence's rest: "the block list is cut off". */
export const patchInvalid = (reason: string, cause?: unknown): UpdaterError =>
  new UpdaterError('PATCH_INVALID', `The remendo patch is refused: ${reason}.`, { details: { codec: 'remendo', reason }, cause });
