/**
 * JSON, or anything in quotes, with every character escaped that a screen would obey or not show: control characters of either
 * half, separators that some take for the end of a line, marks that turn the direction of writing. What reads the JSON
 * reads the same.
 */
export const escapeUnprintable = (json: string): string =>
  json.replace(/[\u007f-\u009f\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from({ length: character.length }, (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`).join(
      '',
    ),
  );
