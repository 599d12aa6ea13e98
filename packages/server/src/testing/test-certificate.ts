/** Certificates for tests, signed by themselves. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** Writes certificate and key (PEM); what was in the files goes. @returns the certificate. */
export async function makeCertificate(
  files: { readonly certificate: string; readonly key: string },
  name: string,
): Promise<string> {
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', files.key];
  await promisify(execFile)('openssl', ['req', '-x509', '-days', '2', ...key, '-out', files.certificate, ...subject]);
  return readFile(files.certificate, 'utf8');
}
