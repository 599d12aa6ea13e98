import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSigningKey, encodeMetadata, nextBundle, type SigningKey } from '../publish/index.js';
import { AttackedTerminal, build, claim, dayMs, expectNotLowered } from './attacked-terminal.test.support.js';
import { bundleFile, describeFreshness, openBundleTrust } from './bundle-metadata.js';
import type { SignedTrust } from './signed-trust.js';

let terminal: AttackedTerminal;
beforeEach(() => {
  terminal = new AttackedTerminal();
});
afterEach(() => terminal.remove());

type Files = Map<string, Uint8Array>;

/** What a server puts into a bundle now. */
function makeBundle(key: SigningKey = terminal.repository.keys.online): Files {
  const { files, online, nowMs } = terminal.repository;
  if (online === null) throw new Error('nothing is served');
  return new Map([...files, [bundleFile, encodeMetadata(nextBundle(online.timestamp, { key, nowMs }))]]);
}

const open = (files: Files): SignedTrust =>
  openBundleTrust(files, { ...terminal.options(), root: terminal.repository.shippedRoot });

describe('a bundle', () => {
  it('is believed for 90 days by a terminal that has nothing but the shipped root', async () => {
    const files = makeBundle();
    terminal.wait(89 * dayMs);
    await open(files).verifyRelease(claim('1.1.0'));
    await expect(open(files).verifyRelease(claim('1.1.0', { word: 'evil' }))).rejects.toMatchObject({
      code: 'TRUST_RELEASE_UNSIGNED',
    });
  });

  it('says how fresh it is', async () => {
    const trust = open(makeBundle());
    const { bundle } = await trust.status();
    expect(bundle === undefined ? '' : describeFreshness(bundle)).toBe(
      'as of 2026-11-22, when the bundle was made; it expires 2027-02-20, and knows nothing of what was withdrawn since',
    );
  });

  it('brings a terminal through root rotations', async () => {
    terminal.repository.rotate({ root: [createSigningKey()], online: createSigningKey() });
    terminal.repository.sign(build('1.2.0'));
    await open(makeBundle()).verifyRelease(claim('1.2.0'));
    expect((await terminal.floors()).root).toBe(2);
  });

  it('raises the floors: what is older is refused afterwards, from a bundle and online', async () => {
    const older = makeBundle();
    const replayed = new Map(terminal.repository.files);
    terminal.wait(dayMs);
    terminal.repository.sign(build('1.2.0'));
    await open(makeBundle()).verifyRelease(claim('1.2.0'));
    const floors = await terminal.floors();
    await expect(open(older).verifyRelease(claim('1.1.0'))).rejects.toMatchObject({ code: 'TRUST_ROLLBACK' });
    for (const [name, bytes] of replayed) terminal.repository.files.set(name, bytes);
    await expect(terminal.verify()).rejects.toMatchObject({ code: 'TRUST_ROLLBACK' });
    await terminal.loseMetadata('deleted');
    await expect(open(older).verifyRelease(claim('1.1.0'))).rejects.toMatchObject({ code: 'TRUST_ROLLBACK' });
    expectNotLowered(floors, await terminal.floors());
  });

  it('is followed by an ordinary refresh', async () => {
    const files = makeBundle();
    terminal.wait(60 * dayMs);
    await open(files).verifyRelease(claim('1.1.0'));
    terminal.repository.sign(build('1.2.0'));
    await terminal.verify(claim('1.2.0'));
  });
});

describe('a bundle is refused', () => {
  const refused = async (files: Files, code: string): Promise<void> => {
    const before = await terminal.floors();
    await expect(open(files).verifyRelease(claim('1.1.0'))).rejects.toMatchObject({ code });
    expectNotLowered(before, await terminal.floors());
    terminal.expectTidy();
  };

  it('when it has expired', async () => {
    const files = makeBundle();
    terminal.wait(91 * dayMs);
    await refused(files, 'TRUST_EXPIRED');
  });

  it('when it has expired by signed time, and the clock was set back', async () => {
    const files = makeBundle();
    terminal.wait(91 * dayMs);
    terminal.repository.renew();
    await terminal.verify();
    terminal.nowMs -= 91 * dayMs;
    await refused(files, 'TRUST_ROLLBACK');
  });

  it('when nobody signed it who may', async () => refused(makeBundle(terminal.repository.keys.targets[0]), 'TRUST_INVALID'));

  it('when it was made with a key that was rotated away', async () => {
    const stolen = terminal.repository.keys.online;
    terminal.repository.rotate({ online: createSigningKey() });
    await terminal.verify();
    await refused(makeBundle(stolen), 'TRUST_INVALID');
  });

  it('when it carries another timestamp', async () => {
    const files = makeBundle();
    terminal.repository.renew();
    files.set('timestamp.json', terminal.repository.files.get('timestamp.json') ?? new Uint8Array());
    await refused(files, 'TRUST_INVALID');
  });

  it('when it has nothing that says what it is', () => {
    expect(() => open(new Map(terminal.repository.files))).toThrow(expect.objectContaining({ code: 'TRUST_INVALID' }));
  });

  it.each(['root', 'timestamp', 'snapshot', 'targets', 'app-erp', 'bundle'])('when %s was changed', async (role) => {
    terminal.repository.rotate({ root: [createSigningKey()] });
    const files = makeBundle();
    const newest =
      [...files.keys()]
        .filter((name) => name.endsWith(`${role}.json`))
        .sort()
        .at(-1) ?? '';
    const text = Buffer.from(files.get(newest) ?? []).toString();
    files.set(newest, Buffer.from(text.replace(/"expires":"20(\d\d)/, (_all, year) => `"expires":"20${Number(year) + 1}`)));
    await refused(files, 'TRUST_INVALID');
  });

  it.each(['snapshot', 'targets', 'app-erp'])('when it leaves %s out', async (role) => {
    const files = makeBundle();
    for (const name of [...files.keys()]) if (name.endsWith(`.${role}.json`)) files.delete(name);
    await refused(files, 'DOWNLOAD_NOT_FOUND');
  });
});

it("a bundle's timestamp that is served again over the network has expired there", async () => {
  const files = makeBundle();
  terminal.wait(30 * dayMs);
  await expect(terminal.verify()).rejects.toMatchObject({ code: 'TRUST_EXPIRED' });
  await open(files).verifyRelease(claim('1.1.0'));
  await expect(terminal.verify()).rejects.toMatchObject({ code: 'TRUST_EXPIRED' });
});
