import type { Static, TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import { UpdaterError } from '../errors.js';

/**
 * Holds what a server answered against its shape (`@remendo/core/protocol`): what `HttpClient.json` takes as `validate`.
 * Fields that the shape does not name pass, so that an older program understands a newer server.
 * @returns a function that gives the same value back. @throws UpdaterError DOWNLOAD_FAILED, with where the answer is wrong.
 */
export function answerValidator<T extends TSchema>(shape: T): (answer: unknown) => Static<T> {
  // With the first answer: programs name more shapes than they get answers.
  let compiled: Validator<Record<never, never>, T> | undefined;
  return (answer) => {
    compiled ??= Compile(shape);
    if (compiled.Check(answer)) return answer as Static<T>;
    const first = compiled.Errors(answer)[0];
    throw new UpdaterError(
      'DOWNLOAD_FAILED',
      `the server's answer is malformed at ${first?.instancePath || '/'}: ${first?.message ?? ''}`,
    );
  };
}
