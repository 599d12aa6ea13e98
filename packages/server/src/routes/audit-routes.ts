import { AuditList } from '@remendo/core/protocol';
import { Type } from 'typebox';
import { requireOperator } from '../accounts/principal.js';
import { auditAnswer, listAudit } from '../audit/list-audit.js';
import { parseMomentOrNull } from '../history/moments.js';
import type { App, AppPorts } from './app-ports.js';
import { cutPage, numberedPageOf, pageQuery } from './paging.js';

const name = Type.Optional(Type.String({ minLength: 1, maxLength: 200 }));
const moment = { format: 'date-time', maxLength: 40 };

/** Who changed what, and when. */
export function auditRoutes(app: App, { database }: AppPorts): void {
  const querystring = Type.Object({
    subject_kind: name,
    subject: name,
    actor: name,
    action: name,
    since: Type.Optional(Type.String(moment)),
    until: Type.Optional(Type.String({ ...moment, description: 'The first moment that does not count' })),
    ...pageQuery,
  });
  const schema = {
    tags: ['audit'],
    summary: 'Changes made by anyone, the newest first',
    querystring,
    response: { 200: AuditList },
  };
  app.get('/api/v1/audit', { schema }, async (request) => {
    requireOperator(request, 'viewer');
    const { since, until, limit: _limit, after: _after, ...equals } = request.query;
    const page = numberedPageOf(request.query);
    const span = { since: parseMomentOrNull('since', since), until: parseMomentOrNull('until', until) };
    const { page: shown, next } = cutPage(await listAudit(database.db, { ...equals, ...span }, page), page.limit, ({ id }) => id);
    return { events: shown.map(auditAnswer), next };
  });
}
