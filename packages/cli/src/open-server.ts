import { createHttpClient, type HttpClient, nodeHost } from '@remendo/core';
import type { Settings } from './settings.js';

/** The settings say where it is and have been required; `credentials` are headers. @throws UpdaterError CONFIG_INVALID, DOWNLOAD_INSECURE. */
export function openServer(
  { server, allowInsecure }: Settings<'server' | 'allowInsecure'>,
  credentials: Readonly<Record<string, string>>,
): HttpClient {
  if (server === null) throw new TypeError('settings were not checked');
  const { clock, random } = nodeHost();
  return createHttpClient({
    serverUrl: server,
    allowInsecure: allowInsecure ?? false,
    credentials: () => credentials,
    clock,
    random,
  });
}
