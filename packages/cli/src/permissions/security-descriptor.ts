/**
 * Access control lists as `icacls /save` writes them: in SDDL, whose accounts are SIDs or two letters for well-known ones,
 * the same in every language of Windows (Microsoft, "Security Descriptor Definition Language", "ACE Strings").
 */

export interface GrantedAccess {
  /** S-1-…, or the two letters of an account that has another SID on every machine. */
  readonly sid: string;
  /** File access rights, as bits. */
  readonly rights: number;
  readonly isInherited: boolean;
  /** Says nothing about the folder itself, only about what is made in it. */
  readonly isInheritOnly: boolean;
}

export interface AccessList {
  /** Whether it takes nothing over from the folder above. */
  readonly isProtected: boolean;
  readonly grants: readonly GrantedAccess[];
}

/** Bits by which a file or folder can be changed, removed, or given to others. */
export const writeRights = {
  writeData: 0x2,
  appendData: 0x4,
  deleteChild: 0x40,
  delete: 0x1_0000,
  writeDac: 0x4_0000,
  writeOwner: 0x8_0000,
  genericWrite: 0x4000_0000,
  genericAll: 0x1000_0000,
} as const;

const allWriting = Object.values(writeRights).reduce((sum, bit) => sum + bit, 0);

/** Rights of two letters, as bits; those that are not here say nothing about writing. */
const rightNames: Readonly<Record<string, number>> = {
  GA: writeRights.genericAll,
  GW: writeRights.genericWrite,
  FA: 0x1f_01ff,
  FW: 0x12_0116,
  SD: writeRights.delete,
  WD: writeRights.writeDac,
  WO: writeRights.writeOwner,
  DC: writeRights.writeData,
  LC: writeRights.appendData,
  DT: writeRights.deleteChild,
};
/** Reading, running, and writing of attributes alone. */
const harmlessRights = ['GR', 'GX', 'FR', 'FX', 'RC', 'CC', 'SW', 'RP', 'WP', 'LO', 'CR', 'KR', 'KX'];

const sidOfAlias: Readonly<Record<string, string>> = {
  AC: 'S-1-15-2-1',
  AN: 'S-1-5-7',
  AU: 'S-1-5-11',
  BA: 'S-1-5-32-544',
  BG: 'S-1-5-32-546',
  BO: 'S-1-5-32-551',
  BU: 'S-1-5-32-545',
  CG: 'S-1-3-1',
  CO: 'S-1-3-0',
  IU: 'S-1-5-4',
  LS: 'S-1-5-19',
  NS: 'S-1-5-20',
  NU: 'S-1-5-2',
  OW: 'S-1-3-4',
  PU: 'S-1-5-32-547',
  SO: 'S-1-5-32-549',
  SU: 'S-1-5-6',
  SY: 'S-1-5-18',
  WD: 'S-1-1-0',
};

/**
 * Who is given what. Denials are passed over, so that nobody counts as harmless because of one.
 * @throws Error when it is no list.
 */
export function parseAccessList(sddl: string): AccessList {
  const [, flags, entries = ''] = /^D:([A-Z_]*)(.*)$/s.exec(sddl.trim()) ?? [];
  if (flags === undefined) throw new Error('icacls did not write an access control list');
  // No list at all: everybody may do everything.
  if (flags.includes('NO_ACCESS_CONTROL')) return { isProtected: false, grants: [everything] };
  return { isProtected: flags.includes('P'), grants: [...entries.matchAll(entryPattern)].flatMap(parseGrant) };
}

export const everything: GrantedAccess = {
  sid: 'S-1-1-0',
  rights: writeRights.genericAll,
  isInherited: true,
  isInheritOnly: false,
};

/** type;flags;rights;object;inherited object;account; a condition may follow. */
const entryPattern = /\(([A-Z]{1,2});([A-Z]*);([^;()]*);[^;()]*;[^;()]*;([^;()]*)/g;

/** Plain, by object and by condition; the other types deny or watch. */
const grantTypes = ['A', 'OA', 'XA', 'ZA'];

function parseGrant([, type = '', flags = '', rights = '', account = '']: RegExpMatchArray): readonly GrantedAccess[] {
  if (!grantTypes.includes(type)) return [];
  const sid = account.toUpperCase();
  const names: readonly string[] = flags.match(/../g) ?? [];
  const [isInherited, isInheritOnly] = [names.includes('ID'), names.includes('IO')];
  return [{ sid: sidOfAlias[sid] ?? sid, rights: parseRights(rights), isInherited, isInheritOnly }];
}

/** A number or pairs of letters. A pair that nobody knows counts as writing. */
function parseRights(text: string): number {
  if (/^0x[0-9a-f]{1,8}$/i.test(text) || /^\d{1,10}$/.test(text)) return Number(text);
  let bits = 0;
  for (const name of text.match(/..?/g) ?? []) bits |= harmlessRights.includes(name) ? 0 : (rightNames[name] ?? allWriting);
  return bits >>> 0;
}

/** Whether one of these bits is set. */
export const hasRight = ({ rights }: GrantedAccess, bits: number): boolean => (rights & bits) !== 0;

export const anyWriteRight = allWriting;

/** Names of well-known accounts, in English, for sentences. */
const names: Readonly<Record<string, string>> = {
  'S-1-1-0': 'Everyone',
  'S-1-5-4': 'Interactive',
  'S-1-5-7': 'Anonymous',
  'S-1-5-11': 'Authenticated Users',
  'S-1-5-19': 'Local Service',
  'S-1-5-20': 'Network Service',
  'S-1-5-32-545': 'Users',
  'S-1-5-32-546': 'Guests',
  'S-1-5-32-547': 'Power Users',
};

export const accountText = (sid: string): string => (names[sid] === undefined ? sid : `${names[sid]} (${sid})`);
