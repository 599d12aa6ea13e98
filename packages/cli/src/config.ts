/**
 * Reads settings (settings.ts): a flag goes before a variable of the environment, that before the configuration file, that before
 * the default. All problems are reported at once.
 */
import { limits, UpdaterError } from '@remendo/core';
import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { type Setting, type SettingName, type Settings, settings } from './settings.js';

/** Where the values come from, besides the table's defaults. */
export interface SettingSources {
  /** By name in the table. */
  readonly flags: Readonly<Partial<Record<SettingName, unknown>>>;
  readonly environment: NodeJS.ProcessEnv;
  /** Parsed, and nothing else known about it; null: there is no file. */
  readonly file: { readonly path: string; readonly value: unknown } | null;
  /** Reads a secret from a file of its own, or says in an Error what is wrong with it. */
  readonly readSecret: (path: string) => string;
}

/** The variable that names a file with a secret. */
const secretFileVariable = (variable: string): string => `${variable}_FILE`;

/**
 * Reads the named settings.
 * @param required must be given somewhere.
 * @throws UpdaterError CONFIG_INVALID with every problem in `details.problems`.
 */
export function readSettings<Name extends SettingName>(
  names: readonly Name[],
  sources: SettingSources,
  required: readonly NoInfer<Name>[] = [],
): Settings<Name> {
  const problems: string[] = [];
  const file = checkedFile(sources.file, problems);
  const values: Partial<Record<SettingName, unknown>> = {};
  for (const name of names) {
    const one: Setting = settings[name];
    try {
      values[name] = one.kind === 'secret' ? readSecret(one, sources, file) : readValue(one, name, sources, file);
    } catch (error) {
      problems.push(...(error instanceof StructureProblems ? error.problems : [(error as Error).message]));
      continue;
    }
    if (values[name] === null && required.includes(name))
      problems.push(`${one.flag ?? one.variable} is missing${one.flag === null ? '' : ` (or ${one.variable} in the environment)`}`);
  }
  if (problems.length > 0) throw new UpdaterError('CONFIG_INVALID', 'the settings are not right', { details: { problems } });
  // Each value was parsed by its own setting's kind.
  return values as Settings<Name>;
}

type FileValues = Readonly<Record<string, unknown>>;

function checkedFile(file: SettingSources['file'], problems: string[]): FileValues {
  if (file === null) return {};
  const { value, path } = file;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    problems.push(`${path} does not hold a JSON object`);
    return {};
  }
  const known = new Map(Object.values(settings).map((one) => [one.name, one] as const));
  const secretNames = new Set(
    Object.entries(settings)
      .filter(([, { kind }]) => kind === 'secret')
      .map(([name]) => name),
  );
  for (const name of Object.keys(value)) {
    if (secretNames.has(name)) problems.push(`${path}: ${name} does not belong there; name a file that holds it as ${name}File`);
    else if (!known.has(name as (typeof settings)[SettingName]['name']))
      problems.push(`${path}: ${JSON.stringify(name.slice(0, 60))} is not a setting`);
  }
  return value as FileValues;
}

function readValue(one: Setting, name: SettingName, { flags, environment, file }: SettingSources, fileValues: FileValues): unknown {
  const flag = flags[name];
  if (flag !== undefined) return parseValue(one, flag, one.flag ?? one.name);
  const variable = environment[one.variable];
  if (variable !== undefined && variable !== '') return parseValue(one, variable, one.variable);
  const inFile = fileValues[one.name];
  if (inFile !== undefined) return parseValue(one, inFile, `${file?.path}: ${one.name}`);
  return one.default === null ? null : parseValue(one, one.default, one.name);
}

/** @param where it was given, for the sentence about what is wrong with it. */
function parseValue({ kind, range, choices, schema }: Setting, value: unknown, where: string): unknown {
  switch (kind) {
    case 'structure':
      return parseStructure(schema as TSchema, value, where);
    case 'integer': {
      const [min, max] = range ?? [0, Number.MAX_SAFE_INTEGER];
      const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
      if (typeof number === 'number' && Number.isSafeInteger(number) && number >= min && number <= max) return number;
      throw new Error(`${where} must be a whole number from ${min} to ${max}`);
    }
    case 'list': {
      const items = typeof value === 'string' ? value.split(',') : value;
      if (!Array.isArray(items) || !items.every((item): item is string => typeof item === 'string'))
        throw new Error(`${where} must be a list of texts`);
      return items.map((item) => item.trim()).filter((item) => item !== '');
    }
    case 'switch':
      if (value === true || value === false) return value;
      if (value === 'on' || value === '1' || value === 'true') return true;
      if (value === 'off' || value === '0' || value === 'false') return false;
      throw new Error(`${where} must be on or off`);
    default:
      if (typeof value !== 'string' || value.trim() === '' || value.length > 4_096)
        throw new Error(`${where} must be a text and not empty`);
      if (choices !== undefined && !choices.includes(value.trim())) throw new Error(`${where} must be ${choices.join(' or ')}`);
      return value.trim();
  }
}

/** Everything that is wrong with one structure. */
class StructureProblems extends Error {
  constructor(readonly problems: readonly string[]) {
    super(problems.join('; '));
  }
}

const structureProblemsMax = 20;

/** @throws StructureProblems */
function parseStructure(schema: TSchema, given: unknown, where: string): unknown {
  const value = typeof given === 'string' ? parseJson(given, where) : given;
  if (Value.Check(schema, value)) return value;
  const problems = Value.Errors(schema, value)
    // A closed object complains twice: of itself, and of each field that it does not have.
    .filter(({ keyword }) => keyword !== 'additionalProperties')
    .slice(0, structureProblemsMax)
    .map(({ keyword, instancePath, message }) => {
      const at = `${where}${instancePath.replaceAll('/', '.')}`;
      return keyword === 'boolean' ? `${at} is not a setting` : `${at} ${message}`;
    });
  throw new StructureProblems([...new Set(problems)]);
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${where} must be JSON: ${(cause as Error).message}`, { cause });
  }
}

/** From the variable, or from the file that a second variable or the configuration names. Its value is in no message. */
function readSecret(one: Setting, { environment, readSecret: read, file }: SettingSources, fileValues: FileValues): string | null {
  const direct = environment[one.variable];
  if (direct !== undefined && direct !== '') return checkedSecret(direct, one.variable);
  const fileVariable = secretFileVariable(one.variable);
  const named = environment[fileVariable] ?? fileValues[one.name];
  if (named === undefined || named === '') return null;
  const where = environment[fileVariable] === undefined ? `${file?.path}: ${one.name}` : fileVariable;
  if (typeof named !== 'string') throw new Error(`${where} must name a file`);
  try {
    return checkedSecret(read(named), where);
  } catch (error) {
    throw new Error(`${where}: ${(error as Error).message}`, { cause: error });
  }
}

/** It becomes part of a header. */
function checkedSecret(text: string, where: string): string {
  const secret = text.trim();
  if (/^[\x21-\x7e]+$/.test(secret) && secret.length <= limits.nameCharactersMax * 64) return secret;
  throw new Error(`${where} does not hold a secret: it has to be one word of printable ASCII`);
}
