/** Backups: reported by branches, watched by operators and by the customers they belong to. */
import { BackupCheckList, BackupMonitorList, BackupReports, BackupReportsAnswer } from '@remendo/core/protocol';
import { Type } from 'typebox';
import { requireCustomer, requireOperator } from '../accounts/principal.js';
import { actorOf, recordAudit } from '../audit/record-audit.js';
import { askedStates, listBackups, listChecks, requireBackup } from '../backups/list-backups.js';
import { recordReports } from '../backups/record-reports.js';
import { scopeOf } from '../history/record-scope.js';
import { DailyQuota } from '../plugins/daily-quota.js';
import { terminalKeyOf } from '../terminals/sightings.js';
import type { App, AppPorts } from './app-ports.js';
import { cutPage, numberedPageOf, pageQuery } from './paging.js';
import { terminalName } from './request-shapes.js';

const name = Type.Optional(Type.String({ minLength: 1, maxLength: 200 }));
const params = Type.Object({ id: Type.String({ pattern: '^[1-9]\\d{0,8}$' }) });
const tags = ['backups'];

export function backupRoutes(app: App, ports: AppPorts): void {
  reportsRoute(app, ports);
  listRoutes(app, ports);
  removeRoute(app, ports);
}

function reportsRoute(app: App, ports: AppPorts): void {
  const { database, notifier, config } = ports;
  const quota = new DailyQuota({ database, log: app.log, name: 'backups', bytesMax: config.backupBytesPerDay });
  const schema = {
    tags,
    summary: 'Report how backups are; a report that comes twice counts once',
    headers: Type.Object({ 'x-terminal-id': terminalName }),
    body: BackupReports,
    response: { 200: BackupReportsAnswer },
  };
  app.post('/api/v1/backups/reports', { schema }, async (request) => {
    const { principal, headers, ip } = request;
    const customer = requireCustomer(request);
    const source = {
      customerId: customer.id,
      terminalKey: terminalKeyOf(principal, headers['x-terminal-id'], ip),
      branch: principal.kind === 'terminal' ? principal.terminal.branch : null,
    };
    const { reports } = request.body;
    // Names that somebody chose for their machines count together.
    const key = principal.kind === 'terminal' ? principal.terminal.id : customer.code;
    const told = { reports, now: new Date() };
    return quota.store(key, reports, () => recordReports({ db: database.db, notifier }, source, told));
  });
}

function listRoutes(app: App, ports: AppPorts): void {
  const { db } = ports.database;
  const list = {
    tags,
    summary: 'Backups and the state of each: operators see all, customers and terminals their own',
    querystring: Type.Object({
      customer: name,
      branch: name,
      terminal: name,
      job: name,
      state: Type.Optional(Type.Unsafe<(typeof askedStates)[number]>({ type: 'string', enum: [...askedStates] })),
      ...pageQuery,
    }),
    response: { 200: BackupMonitorList },
  };
  app.get('/api/v1/backups', { schema: list }, async (request) => {
    const scope = scopeOf(request);
    const { customer, branch, terminal, job, state } = request.query;
    const { limit, after } = numberedPageOf(request.query);
    const rows = await listBackups(db, scope, { customer, branch, terminal, job, state, limit: limit + 1, after });
    const { page, next } = cutPage(rows, limit, ({ id }) => id);
    return { backups: page, next };
  });
  const checks = {
    tags,
    summary: 'Every check of a backup, what arrived last first',
    params,
    querystring: Type.Object(pageQuery),
    response: { 200: BackupCheckList },
  };
  app.get('/api/v1/backups/:id/checks', { schema: checks }, async (request) => {
    const monitor = await requireBackup(db, scopeOf(request), Number(request.params.id));
    const { limit, after } = numberedPageOf(request.query);
    const { page, next } = cutPage(await listChecks(db, monitor.id, { limit: limit + 1, after }), limit, ({ id }) => id);
    return { checks: page, next };
  });
}

function removeRoute(app: App, ports: AppPorts): void {
  const schema = {
    tags,
    summary: 'Forget a backup that is not made any more, with its checks; a report makes it known again',
    params,
    response: { 204: Type.Null() },
  };
  app.delete('/api/v1/backups/:id', { schema }, async (request, reply) => {
    requireOperator(request, 'publisher');
    await ports.database.db.transaction().execute(async (tx) => {
      const monitor = await requireBackup(tx, scopeOf(request), Number(request.params.id));
      await tx.deleteFrom('backup_monitor').where('id', '=', monitor.id).execute();
      const { customer, terminal, branch, job, state } = monitor;
      await recordAudit(tx, actorOf(request), {
        action: 'backup_removed',
        subjectKind: 'terminal',
        subject: terminal,
        detail: { customer, branch, job, state },
      });
    });
    return reply.code(204).send(null);
  });
}
