import { UpdaterError } from '../../errors.js';

/** What every refusal in this folder is. @param reason a sentence's rest: "the diff stream is cut off". */
export const patchInvalid = (reason: string): UpdaterError =>
  new UpdaterError('PATCH_INVALID', `The BSDIFF40 patch is refused: ${reason}.`, { details: { codec: 'bsdiff40', reason } });
