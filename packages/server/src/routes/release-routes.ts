/** Releases: what is published, and what operators change about it. */
import { parseVersion, UpdaterError } from '@remendo/core';
import {
  ApplicationChange,
  ApplicationList,
  ChannelChange,
  ChannelList,
  ReleaseChange,
  ReleaseList,
  ReleaseSummary,
  RolloutChange,
  RolloutList,
} from '@remendo/core/protocol';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { requireOperator } from '../accounts/principal.js';
import { actorOf } from '../audit/record-audit.js';
import { enqueueAnnouncement } from '../notifications/announce-release.js';
import type { CatalogueView } from '../releases/catalogue.js';
import { changeApplication, changeRelease, promoteRelease } from '../releases/change-release.js';
import { mayKnow, requireAccess } from '../releases/release-access.js';
import type { BuildRecord } from '../releases/release-records.js';
import { summarizeReleases } from '../releases/summarize-releases.js';
import { changeRollout, listRollouts } from '../rollouts/rollouts.js';
import { allowDowngrade } from '../signing/allow-downgrade.js';
import type { App, AppPorts } from './app-ports.js';
import { AskedHeaders, AskedQuery, askedOf, channel, slug, version } from './request-shapes.js';

const asked = { querystring: AskedQuery, headers: AskedHeaders };
const VersionParams = Type.Object({ version });

export function releaseRoutes(app: App, ports: AppPorts): void {
  listRoutes(app, ports);
  changeRoutes(app, ports);
  rolloutRoutes(app, ports);
  applicationRoutes(app, ports);
}

/** Operators see every release; others what they may know of, and was not withdrawn. */
const isSeen = ({ principal }: FastifyRequest, build: BuildRecord): boolean =>
  principal.kind === 'operator' || (build.state !== 'withdrawn' && mayKnow(build, principal));

const seenBy =
  (request: FastifyRequest, view: CatalogueView) =>
  (buildId: number): boolean => {
    const build = view.buildById(buildId);
    return build !== undefined && isSeen(request, build);
  };

async function findAsked(ports: AppPorts, request: FastifyRequest) {
  const view = await ports.catalogue.view();
  const { application: name, platform } = askedOf(request as Parameters<typeof askedOf>[0]);
  const application = view.application(name);
  requireAccess(request.principal, application, ports.config.licenseGraceDays);
  return { view, application, platform };
}

function listRoutes(app: App, ports: AppPorts): void {
  const { db } = ports.database;
  const list = { ...asked, tags: ['releases'], summary: 'Releases, newest first', response: { 200: ReleaseList } };
  app.get('/api/v1/releases', { schema: list }, async (request, reply) => {
    const { view, application, platform } = await findAsked(ports, request);
    const platforms = platform === undefined ? view.platforms(application) : [platform];
    const builds = platforms.flatMap((name) => view.releases(application, name).builds).filter((build) => isSeen(request, build));
    reply.header('cache-control', 'private, no-cache');
    return { releases: await summarizeReleases(db, builds, seenBy(request, view)) };
  });
  const one = {
    ...asked,
    tags: ['releases'],
    summary: 'One release, with the deltas that lead to it',
    params: VersionParams,
    response: { 200: ReleaseSummary },
  };
  app.get('/api/v1/releases/:version', { schema: one }, async (request, reply) => {
    const { view, application, platform } = await findAsked(ports, request);
    const build = view.findBuild(application, view.platform(application, platform), request.params.version);
    if (build === null || !isSeen(request, build)) throw releaseNotFound(application.slug, request.params.version);
    const [summary] = await summarizeReleases(db, [build], seenBy(request, view));
    reply.header('cache-control', 'private, no-cache');
    if (summary === undefined) throw new UpdaterError('SERVER_FAILED', 'a build without a summary');
    return summary;
  });
}

const releaseNotFound = (application: string, wanted: string): UpdaterError =>
  new UpdaterError('RELEASE_NOT_FOUND', `there is no release ${application} ${wanted}`, {
    details: { application, version: wanted },
  });

/** The release a change is about, when who asks may change it. */
async function releaseToChange(ports: AppPorts, request: FastifyRequest) {
  const { application } = await findAsked(ports, request);
  return { application: application.slug, version: (request.params as { version: string }).version };
}

function changeRoutes(app: App, ports: AppPorts): void {
  const onRequest = async (request: FastifyRequest): Promise<void> => void requireOperator(request, 'publisher');
  const change = {
    ...asked,
    tags: ['releases'],
    summary: 'Changes the state or the texts of a release',
    params: VersionParams,
    body: ReleaseChange,
    response: { 200: ReleaseSummary },
  };
  app.patch('/api/v1/releases/:version', { onRequest, schema: change }, async (request) => {
    const name = await releaseToChange(ports, request);
    await ports.changes.change(['catalogue', 'metadata'], async (tx) => {
      // Before the release's row is taken: publishing takes the application's first, too.
      const { downgrade_from: from } = request.body;
      if (from !== undefined) await allowDowngrade(tx, ports.signer, name, parseVersion(from).version);
      const published = await changeRelease(tx, actorOf(request), name, request.body);
      if (request.body.state === 'withdrawn') await ports.signer.renewTimestamp(tx);
      if (published !== null) await enqueueAnnouncement(ports.queue, tx, published);
    });
    await ports.versions.write();
    await ports.metadata.write();
    const { view, application, platform } = await findAsked(ports, request);
    const build =
      view.findBuild(application, view.platform(application, platform), name.version) ??
      view.platforms(application).flatMap((other) => view.findBuild(application, other, name.version) ?? [])[0];
    const [summary] = await summarizeReleases(ports.database.db, build == null ? [] : [build]);
    if (summary === undefined) throw releaseNotFound(application.slug, name.version);
    return summary;
  });
}

function rolloutRoutes(app: App, ports: AppPorts): void {
  const { db } = ports.database;
  const viewer = async (request: FastifyRequest): Promise<void> => void requireOperator(request, 'viewer');
  const publisher = async (request: FastifyRequest): Promise<void> => void requireOperator(request, 'publisher');
  const list = { ...asked, tags: ['rollouts'], summary: 'Rollouts and how they fare', response: { 200: RolloutList } };
  app.get('/api/v1/rollouts', { onRequest: viewer, schema: list }, async (request) => {
    const { application } = await findAsked(ports, request);
    return { rollouts: [...(await listRollouts(db, application.slug))] };
  });
  const change = {
    ...asked,
    tags: ['rollouts'],
    summary: 'Grows, pauses or resumes a rollout',
    params: VersionParams,
    body: RolloutChange,
    response: { 200: RolloutList },
  };
  app.patch('/api/v1/rollouts/:version', { onRequest: publisher, schema: change }, async (request) => {
    const name = await releaseToChange(ports, request);
    await ports.changes.change(['catalogue'], (tx) => changeRollout(tx, actorOf(request), name, request.body));
    return { rollouts: [...(await listRollouts(db, name.application, parseVersion(name.version).version))] };
  });
}

function applicationRoutes(app: App, ports: AppPorts): void {
  const { db } = ports.database;
  const viewer = async (request: FastifyRequest): Promise<void> => void requireOperator(request, 'viewer');
  const publisher = async (request: FastifyRequest): Promise<void> => void requireOperator(request, 'publisher');
  const admin = async (request: FastifyRequest): Promise<void> => void requireOperator(request, 'admin');
  const listChannels = async (): Promise<ChannelList> => ({
    channels: await db
      .selectFrom('channel')
      .innerJoin('application', 'application.id', 'channel.application_id')
      .innerJoin('release', 'release.id', 'channel.release_id')
      .select(['application.slug as application', 'channel.channel', 'release.version'])
      .orderBy('application.slug')
      .orderBy('channel.channel')
      .execute(),
  });
  const channels = { tags: ['releases'], summary: 'Where channels point', response: { 200: ChannelList } };
  app.get('/api/v1/channels', { onRequest: viewer, schema: channels }, listChannels);
  const promote = {
    ...asked,
    tags: ['releases'],
    summary: 'Points a channel to a release',
    params: Type.Object({ channel }),
    body: ChannelChange,
    response: { 200: ChannelList },
  };
  app.put('/api/v1/channels/:channel', { onRequest: publisher, schema: promote }, async (request) => {
    const { application } = await findAsked(ports, request);
    const to = { application: application.slug, channel: request.params.channel, ...request.body };
    await ports.changes.change(['catalogue'], (tx) => promoteRelease(tx, actorOf(request), to));
    return listChannels();
  });
  const listApplications = async (): Promise<ApplicationList> => {
    const columns = ['slug', 'name', 'access', 'entry_point', 'preserve', 'signing_mode'] as const;
    const rows = await db.selectFrom('application').select(columns).orderBy('id').execute();
    return { applications: rows.map((row) => ({ ...row, preserve: [...row.preserve] })) };
  };
  const applications = { tags: ['releases'], summary: 'Applications', response: { 200: ApplicationList } };
  app.get('/api/v1/applications', { onRequest: viewer, schema: applications }, listApplications);
  const change = {
    tags: ['releases'],
    summary: 'Changes an application',
    params: Type.Object({ slug }),
    body: ApplicationChange,
    response: { 200: ApplicationList },
  };
  app.patch('/api/v1/applications/:slug', { onRequest: admin, schema: change }, async (request) => {
    await ports.changes.change(['catalogue'], (tx) => changeApplication(tx, actorOf(request), request.params.slug, request.body));
    return listApplications();
  });
}
