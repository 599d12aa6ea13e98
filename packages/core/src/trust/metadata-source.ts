/** Where signed metadata comes from: a server, a mirror, a folder. Nothing that comes from it is believed yet. */
import type { HttpClient } from '../download/http-client.js';
import { hasCode, UpdaterError } from '../errors.js';

export interface MetadataSource {
  /**
   * The bytes of one file, `timestamp.json` or `3.root.json`; null when there is none.
   * @throws UpdaterError LIMIT_EXCEEDED as soon as it is longer than `bytesMax`, DOWNLOAD_….
   */
  fetch(name: string, bytesMax: number, signal?: AbortSignal): Promise<Uint8Array | null>;
}

/** Below `metadata/` of a server. */
export const httpMetadataSource = (http: HttpClient): MetadataSource => ({
  async fetch(name, bytesMax, signal) {
    try {
      return await http.bytes(`metadata/${name}`, { bytesMax, signal });
    } catch (error) {
      if (hasCode(error, 'DOWNLOAD_NOT_FOUND', 'REQUEST_ROUTE_UNKNOWN', 'RECORD_NOT_FOUND')) return null;
      throw error;
    }
  },
});

/** Files that are in memory already. */
export const mapMetadataSource = (files: ReadonlyMap<string, Uint8Array>): MetadataSource => ({
  async fetch(name, bytesMax) {
    const bytes = files.get(name) ?? null;
    if (bytes !== null && bytes.length > bytesMax)
      throw new UpdaterError('LIMIT_EXCEEDED', `${name} is longer than ${bytesMax} bytes`);
    return bytes;
  },
});
