/** The update history: told by terminals, read as it was told or in numbers. */
import { MetricsSummary, UpdateEvents, UpdateEventsAnswer, UpdateLog, updateStates } from '@remendo/core/protocol';
import { Type } from 'typebox';
import { EventWriter } from '../history/event-writer.js';
import { listUpdates } from '../history/list-updates.js';
import { parseMoment } from '../history/moments.js';
import { recordEvents } from '../history/record-events.js';
import { scopeOf } from '../history/record-scope.js';
import { summarizeUpdates } from '../history/summarize-updates.js';
import { DailyQuota } from '../plugins/daily-quota.js';
import { terminalKeyOf } from '../terminals/sightings.js';
import type { App, AppPorts } from './app-ports.js';
import { cutPage, numberedPageOf, pageQuery } from './paging.js';
import { AskedQuery, askedHeaders, askedOf, slug, terminalName, version } from './request-shapes.js';

const dayMs = 86_400_000;
const moment = Type.String({ format: 'date-time', maxLength: 40 });
const name = Type.String({ minLength: 1, maxLength: 200 });

const filterQuery = {
  application: Type.Optional(slug),
  platform: Type.Optional(slug),
  version: Type.Optional({ ...version, description: 'That the update leads to' }),
  branch: Type.Optional(name),
  customer: Type.Optional({ ...name, description: "A customer's code" }),
  since: Type.Optional(moment),
  until: Type.Optional({ ...moment, description: 'The first moment that does not count' }),
};

export function historyRoutes(app: App, ports: AppPorts): void {
  eventsRoute(app, ports);
  logRoute(app, ports);
  summaryRoute(app, ports);
}

function eventsRoute(app: App, ports: AppPorts): void {
  const { database, config } = ports;
  const quota = new DailyQuota({ database, log: app.log, name: 'events', bytesMax: config.eventBytesPerDay });
  const recorder = { writer: new EventWriter(ports), quota };
  const schema = {
    tags: ['updates'],
    summary: 'Tell what became of updates; an event that is told twice counts once',
    querystring: AskedQuery,
    headers: Type.Object({ ...askedHeaders, 'x-terminal-id': terminalName }),
    body: UpdateEvents,
    response: { 200: UpdateEventsAnswer },
  };
  app.post('/api/v1/updates/events', { schema }, async (request) => {
    const { principal, headers, ip } = request;
    const source = {
      ...askedOf(request),
      principal,
      terminalKey: terminalKeyOf(principal, headers['x-terminal-id'], ip),
      address: ip,
      userAgent: request.raw.headers['user-agent'],
    };
    return recordEvents(recorder, await ports.catalogue.view(), source, request.body.events);
  });
}

function logRoute(app: App, ports: AppPorts): void {
  const schema = {
    tags: ['updates'],
    summary: 'The update history, what arrived last first: operators see all, customers and terminals their own',
    querystring: Type.Object({
      ...filterQuery,
      terminal: Type.Optional(name),
      update_id: Type.Optional(name),
      state: Type.Optional(Type.Unsafe<(typeof updateStates)[number]>({ type: 'string', enum: [...updateStates] })),
      ...pageQuery,
    }),
    response: { 200: UpdateLog },
  };
  app.get('/api/v1/updates/log', { schema }, async (request) => {
    const { query } = request;
    const scope = scopeOf(request);
    const { limit, after } = numberedPageOf(query);
    const view = await ports.catalogue.view();
    const filter = {
      ...filterOf(query),
      applicationId: query.application === undefined ? undefined : view.application(query.application).id,
      terminal: query.terminal,
      updateId: query.update_id,
      state: query.state,
    };
    const rows = await listUpdates(ports.database.db, scope, { ...filter, limit: limit + 1, after });
    const { page, next } = cutPage(rows, limit, ({ id }) => id);
    return { events: page, next };
  });
}

function summaryRoute(app: App, ports: AppPorts): void {
  const schema = {
    tags: ['updates'],
    summary: 'The updates of an application in numbers: operators see all, customers and terminals their own',
    querystring: Type.Object({
      ...filterQuery,
      since: Type.Optional({ ...moment, description: 'Left out: 30 days ago' }),
      active_days: Type.Optional(
        Type.String({
          pattern: '^[1-9]\\d{0,2}$',
          description: 'A terminal that did not check for so many days runs nothing; 30 when left out',
        }),
      ),
    }),
    response: { 200: MetricsSummary },
  };
  app.get('/api/v1/metrics/summary', { schema }, async (request) => {
    const { query } = request;
    const scope = scopeOf(request);
    const view = await ports.catalogue.view();
    const now = Date.now();
    const filter = filterOf(query);
    return summarizeUpdates(ports.database.db, scope, {
      ...filter,
      applicationId: view.application(query.application).id,
      since: filter.since ?? new Date(now - 30 * dayMs),
      activeSince: new Date(now - Number(query.active_days ?? 30) * dayMs),
    });
  });
}

interface FilterQuery {
  readonly platform?: string;
  readonly version?: string;
  readonly branch?: string;
  readonly customer?: string;
  readonly since?: string;
  readonly until?: string;
}

function filterOf({ platform, version, branch, customer, since, until }: FilterQuery) {
  return {
    platform,
    version,
    branch,
    customer,
    since: since === undefined ? undefined : parseMoment('since', since),
    until: until === undefined ? undefined : parseMoment('until', until),
  };
}
