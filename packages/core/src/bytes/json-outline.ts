const [quote, backslash, comma, openBracket, closeBracket, openBrace, closeBrace] = Buffer.from('"\\,[]{}');

export interface JsonOutline {
  /** How deep arrays and objects lie in each other. */
  readonly depth: number;
  /** Commas outside of strings: one fewer than there are values in each array or object. */
  readonly commas: number;
}

/**
 * What a JSON text will cost to parse, without parsing it: a value of two bytes can become an object of a hundred, so
 * that bounding the bytes of a large text is not enough. Right for JSON only; what is not JSON fails in its parser.
 */
export function jsonOutline(text: Uint8Array): JsonOutline {
  let depth = 0;
  let depthMax = 0;
  let commas = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const byte = text[index];
    if (inString) {
      if (byte === backslash) index++;
      else if (byte === quote) inString = false;
    } else if (byte === quote) inString = true;
    else if (byte === comma) commas++;
    else if (byte === openBracket || byte === openBrace) depthMax = Math.max(depthMax, ++depth);
    else if (byte === closeBracket || byte === closeBrace) depth--;
  }
  return { depth: depthMax, commas };
}
