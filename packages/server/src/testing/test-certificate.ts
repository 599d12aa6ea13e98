/** Certificates for tests, signed by themselves. */
import { writeFile } from 'node:fs/promises';
import { generate } from 'selfsigned';
import { recordSecrets } from './test-record.js';

/** Writes certificate and key (PEM); what was in the files goes. @returns the certificate. */
export async function makeCertificate(
  files: { readonly certificate: string; readonly key: string },
  name: string,
): Promise<string> {
  const alternatives = [
    { type: 2 as const, value: 'localhost' },
    { type: 7 as const, ip: '127.0.0.1' },
  ];
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    curve: 'P-256',
    extensions: [{ name: 'subjectAltName', altNames: alternatives }],
  });
  recordSecrets([key]);
  await writeFile(files.key, key);
  await writeFile(files.certificate, cert);
  return cert;
}
