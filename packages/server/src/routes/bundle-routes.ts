/** Offline bundles: what is signed for them, and the receipts that come back from terminals that no link reaches. */
import { BundleAnswer, BundleRequest, ReceiptAnswer, ReceiptRequest } from '@remendo/core/protocol';
import { requireSignedIn } from '../accounts/principal.js';
import { actorOf } from '../audit/record-audit.js';
import { makeBundle } from '../bundles/make-bundle.js';
import { takeReceipt } from '../bundles/take-receipt.js';
import { EventWriter } from '../history/event-writer.js';
import { DailyQuota } from '../plugins/daily-quota.js';
import type { App, AppPorts } from './app-ports.js';

/** A receipt's body is text in JSON: every quotation mark of it takes two bytes. */
const receiptBytesMax = 1_200_000;

export function bundleRoutes(app: App, ports: AppPorts): void {
  const bundle = {
    tags: ['bundles'],
    summary: 'What an offline bundle holds, signed',
    body: BundleRequest,
    response: { 200: BundleAnswer },
  };
  app.post('/api/v1/bundles', { schema: bundle, config: { countedAs: 'plan' } }, async (request, reply) => {
    const principal = requireSignedIn(request, 'publisher');
    reply.header('cache-control', 'private, no-store');
    return makeBundle(ports, { principal, actor: actorOf(request), request: request.body });
  });
  const { database, config } = ports;
  const quota = new DailyQuota({ database, log: app.log, name: 'receipts', bytesMax: config.eventBytesPerDay });
  const recorder = { writer: new EventWriter(ports), quota };
  const receipts = {
    tags: ['updates'],
    summary: 'Bring what a terminal without a link tells of its updates; what is brought twice counts once',
    body: ReceiptRequest,
    response: { 200: ReceiptAnswer },
  };
  app.post('/api/v1/updates/receipts', { schema: receipts, bodyLimit: receiptBytesMax }, async (request) =>
    takeReceipt(ports, recorder, {
      receipt: request.body.receipt,
      carrier: requireSignedIn(request, 'publisher'),
      address: request.ip,
    }),
  );
}
