/** The server's own certificate: read at the start, and again when the process is told that there is a new one. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { Server as TlsServer } from 'node:https';
import { createSecureContext } from 'node:tls';
import { UpdaterError } from '@remendo/core';
import type { ServerConfig } from '../config.js';

export interface TlsFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
}

type TlsConfig = Pick<ServerConfig, 'tlsCertificate' | 'tlsKey'>;

/** Null: the server speaks plain HTTP. @throws UpdaterError CONFIG_INVALID for files that can not be read or do not belong together. */
export function readTls({ tlsCertificate, tlsKey }: TlsConfig): TlsFiles | null {
  if (tlsCertificate === null || tlsKey === null) return null;
  try {
    const files = { cert: readFileSync(tlsCertificate), key: readFileSync(tlsKey) };
    if (!new X509Certificate(files.cert).checkPrivateKey(createPrivateKey(files.key)))
      throw new Error('the key is of another certificate');
    createSecureContext(files);
    return files;
  } catch (cause) {
    throw new UpdaterError('CONFIG_INVALID', '--tls-certificate and --tls-key can not be used', { cause });
  }
}

/** New connections get the certificate that lies there now; when it can not be used, the one they had. @throws UpdaterError CONFIG_INVALID. */
export function reloadTls(server: Server, config: TlsConfig): void {
  const files = readTls(config);
  if (files !== null && server instanceof TlsServer) server.setSecureContext(files);
}
