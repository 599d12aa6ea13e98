/** Attacks by whoever answers terminals and holds no key, or too few: forged, mixed and malformed metadata. */
import { Signature } from '@tufjs/models';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSigningKey, type SigningKey } from '../publish/index.js';
import type { SignedJson, SignedRepository } from '../testing/signed-repository.js';
import { type Attack, AttackedTerminal, claim, expectRefused, manifestBin, nameEvil } from './attacked-terminal.test.support.js';

let terminal: AttackedTerminal;
beforeEach(() => {
  terminal = new AttackedTerminal({ rootKeys: 2, applicationKeys: 2 });
});
afterEach(() => terminal.remove());

type NamedAttack = Attack & { readonly title: string };
const stranger = createSigningKey();
const unchanged = (): void => {};
const bytesOf = (repository: SignedRepository, name: string): Uint8Array => repository.files.get(name) ?? new Uint8Array();
const newest = (repository: SignedRepository, role: string): string => `${repository.signedOf(role).version}.${role}.json`;
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

const arbitrarySoftware: readonly NamedAttack[] = [
  { title: 'a release that nobody signed', code: 'TRUST_RELEASE_UNSIGNED', attack: unchanged },
  { title: 'a bin that a stranger signed', code: 'TRUST_INVALID', attack: (repository) => nameEvil(repository, [stranger]) },
  { title: 'a bin without signatures', code: 'TRUST_INVALID', attack: (repository) => nameEvil(repository, []) },
  {
    title: 'a bin signed by one of the two keys that have to',
    code: 'TRUST_INVALID',
    attack: (repository) => nameEvil(repository, repository.keys.application.slice(0, 1)),
  },
  {
    title: 'a bin signed by the online key',
    code: 'TRUST_INVALID',
    attack: (repository) => nameEvil(repository, [repository.keys.online]),
  },
  ...['app-erp', 'targets', 'snapshot', 'timestamp', 'root'].map(
    (role): NamedAttack => ({
      title: `${role} that a stranger signed`,
      code: 'TRUST_INVALID',
      attack: (repository) => repository.forge(role, unchanged, [stranger]),
    }),
  ),
  {
    title: 'a root signed by one of the two keys that have to',
    code: 'TRUST_INVALID',
    attack: (repository) => repository.forge('root', unchanged, repository.keys.root.slice(0, 1)),
  },
  {
    title: 'a root that names the attacker, signed by the keys it names only',
    code: 'TRUST_INVALID',
    attack: (repository) => repository.forge('root', nameAsRoot, [stranger]),
  },
  {
    title: 'a root that names new keys, signed by the old ones only',
    code: 'TRUST_INVALID',
    attack: (repository) => repository.forge('root', nameAsRoot),
  },
  {
    title: "another repository's next root",
    code: 'TRUST_INVALID',
    attack: (repository) => repository.serve('root', { ...otherRoot(), version: 2 }, [stranger]),
  },
];

function nameAsRoot(signed: SignedJson): void {
  const { keyID } = stranger.publicKey;
  Object.assign(signed.keys, { [keyID]: stranger.publicKey.toJSON() });
  Object.assign(signed.roles, { root: { keyids: [keyID], threshold: 1 } });
}

function otherRoot(): SignedJson {
  const other = new AttackedTerminal();
  other.remove();
  const root = other.repository.signedOf('root');
  nameAsRoot(root);
  return root;
}

const mixed: readonly NamedAttack[] = [
  {
    title: 'the snapshot of one moment with a role of another',
    code: 'TRUST_ROLLBACK',
    attack: (repository) => {
      const name = newest(repository, 'targets');
      repository.forge('targets', unchanged);
      repository.files.set(newest(repository, 'targets'), bytesOf(repository, name));
    },
  },
  {
    title: 'a new timestamp with the snapshot before it',
    code: 'TRUST_INVALID',
    attack: (repository) => {
      const name = newest(repository, 'snapshot');
      repository.forge('snapshot', unchanged);
      repository.files.set(newest(repository, 'snapshot'), bytesOf(repository, name));
    },
  },
  {
    title: "another application's bin in the place of this one's",
    code: 'TRUST_RELEASE_UNSIGNED',
    claimed: claim('1.1.0'),
    attack: (repository) => {
      const [own, other] = [manifestBin('1.1.0'), manifestBin('1.0.0', 'crm')];
      repository.forge(own, (signed) => Object.assign(signed, { targets: repository.signedOf(other).targets }));
    },
  },
  {
    title: "the application's own metadata in the place of one of its bins, which the same key signs",
    code: 'TRUST_INVALID',
    claimed: claim('1.1.0'),
    attack: (repository) => {
      const bin = manifestBin('1.1.0');
      for (const role of ['app-erp', bin]) repository.forge(role, unchanged);
      repository.files.set(newest(repository, bin), bytesOf(repository, newest(repository, 'app-erp')));
    },
  },
  {
    title: 'a bin in the place of another bin of the application',
    code: 'TRUST_RELEASE_UNSIGNED',
    claimed: claim('1.1.0'),
    attack: (repository) => {
      const { targets } = repository.signedOf(manifestBin('1.0.0'));
      repository.forge(manifestBin('1.1.0'), (signed) => Object.assign(signed, { targets }));
    },
  },
  {
    title: 'a snapshot in the place of a timestamp, signed by the key of both',
    code: 'TRUST_INVALID',
    attack: (repository) => repository.files.set('timestamp.json', bytesOf(repository, newest(repository, 'snapshot'))),
  },
  {
    title: 'a file that is there under another number',
    code: 'TRUST_ROLLBACK',
    attack: (repository) => {
      repository.forge('targets', unchanged);
      repository.serve('targets', { ...repository.signedOf('targets'), version: 9 });
      repository.files.set(
        `${repository.signedOf('snapshot').meta['targets.json']?.version}.targets.json`,
        bytesOf(repository, '9.targets.json'),
      );
    },
  },
];

const wrongSoftware: readonly NamedAttack[] = [
  {
    title: 'the bytes of an older release as a newer one',
    code: 'TRUST_RELEASE_UNSIGNED',
    attack: unchanged,
    claimed: { ...claim('1.0.0'), version: '1.1.0' },
  },
  {
    title: 'the zip of an older release with the manifest of a newer one',
    code: 'TRUST_RELEASE_UNSIGNED',
    attack: unchanged,
    claimed: { ...claim('1.1.0'), zip: claim('1.0.0').zip },
  },
  {
    title: 'the manifest of an older release with the zip of a newer one',
    code: 'TRUST_RELEASE_UNSIGNED',
    attack: unchanged,
    claimed: { ...claim('1.1.0'), manifestDigest: claim('1.0.0').manifestDigest },
  },
  {
    title: 'a zip that is said to be longer than it is',
    code: 'TRUST_RELEASE_UNSIGNED',
    attack: unchanged,
    claimed: { ...claim('1.1.0'), zip: { ...claim('1.1.0').zip, bytes: 100_001 } },
  },
  {
    title: "another application's release as this one's",
    code: 'TRUST_RELEASE_UNSIGNED',
    attack: unchanged,
    claimed: { ...claim('1.0.0', { application: 'crm' }), application: 'erp', version: '1.1.0' },
  },
  {
    title: 'a release for another platform',
    code: 'TRUST_RELEASE_UNSIGNED',
    attack: unchanged,
    claimed: { ...claim('1.1.0'), platform: 'win-x64' },
  },
  ...['../erp', 'erp/any', '__proto__', 'constructor', '*', '', 'nobody'].map(
    (application): NamedAttack => ({
      title: `an application that is called ${JSON.stringify(application)}`,
      code: 'TRUST_RELEASE_UNSIGNED',
      attack: unchanged,
      claimed: { ...claim('1.1.0'), application },
    }),
  ),
];

/** Answers in the place of a file, for everybody who can answer. */
const answering =
  (name: (repository: SignedRepository) => string, change: (json: string) => string) => (repository: SignedRepository) =>
    repository.files.set(name(repository), Buffer.from(change(text(bytesOf(repository, name(repository))))));

const inTimestamp = (title: string, change: (json: string) => string): NamedAttack => ({
  title,
  code: 'TRUST_INVALID',
  attack: answering(() => 'timestamp.json', change),
});

const malformed: readonly NamedAttack[] = [
  inTimestamp('no JSON', () => 'timestamp'),
  inTimestamp('an empty file', () => ''),
  inTimestamp('JSON that is no object', () => '[]'),
  {
    title: 'bytes that are no UTF-8',
    code: 'TRUST_INVALID',
    attack: (repository) => repository.files.set('timestamp.json', Buffer.from('{"a":"\xff"}', 'latin1')),
  },
  inTimestamp('arrays in arrays in arrays', (json) =>
    json.replace('"version"', `"deep":${'['.repeat(5_000)}${']'.repeat(5_000)},"version"`),
  ),
  inTimestamp('a version that is no number', (json) => json.replace(/"version":\d+/, '"version":"7"')),
  inTimestamp('a version that is no whole number', (json) => json.replace(/"version":\d+/, '"version":7.5')),
  inTimestamp('a version of 400 digits', (json) => json.replace(/"version":\d+/, `"version":${'9'.repeat(400)}`)),
  inTimestamp('a version of 1e999', (json) => json.replace(/"version":\d+/, '"version":1e999')),
  inTimestamp('a negative version', (json) => json.replace(/"version":\d+/, '"version":-7')),
  inTimestamp('an expiry that is no date', (json) => json.replace(/"expires":"[^"]+"/, '"expires":"never"')),
  inTimestamp('an expiry without a zone', (json) => json.replace(/"expires":"[^"]+"/, '"expires":"2099-01-01"')),
  inTimestamp('no expiry', (json) => json.replace(/"expires":"[^"]+",/, '')),
  inTimestamp('one signature twice', (json) => json.replace(/"signatures":\[(.+?)\]/, '"signatures":[$1,$1]')),
  {
    title: 'keys that are none',
    code: 'TRUST_INVALID',
    attack: (repository) => {
      const hostile = Object.fromEntries(
        [1.5, null, [], {}, 'x'].map((value, index) => [`k${index}`, { keyval: { public: value } }]),
      );
      repository.forge('targets', () => {});
      repository.files.set(
        newest(repository, 'targets'),
        Buffer.from(
          JSON.stringify({
            signatures: [],
            signed: {
              ...repository.signedOf('targets'),
              delegations: { keys: hostile, roles: [{ keyids: Object.keys(hostile) }] },
            },
          }),
        ),
      );
    },
  },
  inTimestamp('a signature of a key called __proto__', (json) => json.replace(/"keyid":"\w+"/, '"keyid":"__proto__"')),
  inTimestamp('another specification', (json) => json.replace('"1.0.31"', '"2.0.0"')),
  {
    title: 'a role that is not there',
    code: 'DOWNLOAD_NOT_FOUND',
    attack: (repository) => repository.files.delete('timestamp.json'),
  },
  {
    title: 'a listed version of 1e300, by the online key',
    code: 'TRUST_INVALID',
    attack: (repository) => repository.forge('snapshot', ({ meta }) => Object.assign(meta, { 'other.json': { version: 1e300 } })),
  },
  {
    title: 'a role with a name of a thousand letters, by the online key',
    code: 'TRUST_INVALID',
    attack: (repository) =>
      repository.forge('snapshot', ({ meta }) => Object.assign(meta, { [`${'x'.repeat(1_000)}.json`]: { version: 1 } })),
  },
];

describe.each([
  { kind: 'arbitrary software', attacks: arbitrarySoftware },
  { kind: 'mix-and-match', attacks: mixed },
  { kind: 'wrong software', attacks: wrongSoftware },
  { kind: 'malformed metadata', attacks: malformed },
])('$kind', ({ attacks }) => {
  it.each(attacks)('refuses $title', (attack) => expectRefused(terminal, attack));
});

describe('keys that would count twice', () => {
  const pemOf = (hex: string): string => {
    const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(hex, 'hex')]);
    return `-----BEGIN PUBLIC KEY-----\n${der.toString('base64')}\n-----END PUBLIC KEY-----\n`;
  };
  const spellings: Readonly<Record<string, (hex: string) => string>> = {
    'under two ids': (hex) => hex,
    'also in capitals': (hex) => hex.toUpperCase(),
    'also in PEM': pemOf,
  };

  /** Asks for two keys, and names one of them twice. */
  const nameTwice = (own: string, second: string, respell: (hex: string) => string) => (signed: SignedJson) => {
    const { keys } = signed.delegations;
    const key = keys[own];
    if (key === undefined) throw new Error('the role has no such key');
    if (second !== own) keys[second] = { ...key, keyval: { public: respell(key.keyval.public) } };
    const { succinct_roles: succinct } = signed.delegations as unknown as { succinct_roles: object };
    Object.assign(signed.delegations, { succinct_roles: { ...succinct, keyids: [own, second], threshold: 2 } });
  };

  it.each(Object.entries(spellings))('refuses what one key signed twice, named %s', async (_title, respell) => {
    await expectRefused(terminal, {
      code: 'TRUST_INVALID',
      attack: (repository) => {
        const [one] = repository.keys.application;
        if (one === undefined) throw new Error('there are no keys');
        const again: SigningKey = { ...one, sign: (bytes) => new Signature({ keyID: 'second', sig: one.sign(bytes).sig }) };
        repository.forge('app-erp', nameTwice(one.keyId, 'second', respell));
        nameEvil(repository, [one, again]);
      },
    });
  });

  it('refuses a role that names one id twice', async () => {
    await expectRefused(terminal, {
      code: 'TRUST_INVALID',
      attack: (repository) => {
        const { keyId = '' } = repository.keys.application[0] ?? {};
        repository.forge(
          'app-erp',
          nameTwice(keyId, keyId, (hex) => hex),
        );
      },
    });
  });
});

describe('what may be there without harm', () => {
  it('keeps fields it does not know: they are signed too', async () => {
    terminal.repository.forge('snapshot', (signed) => Object.assign(signed, { custom: { deep: ['values', { of: 'others' }] } }));
    await terminal.verify();
    expect((await terminal.kept())?.files.snapshot).toContain('"of":"others"');
  });

  it('takes a signature too many, if enough hold', async () => {
    terminal.repository.forge('timestamp', unchanged, [stranger, terminal.repository.keys.online]);
    await terminal.verify();
  });
});
