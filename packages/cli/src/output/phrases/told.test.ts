/** Every sentence of the library that has words here is still said like that, and comes out whole in each language. */
import { readdirSync, readFileSync } from 'node:fs';
import { type ErrorCode, errorCatalogue } from '@remendo/core';
import { describe, expect, it } from 'vitest';
import { createCommandTree } from '../../command-tree.js';
import { type Language, languages } from '../../language.js';
import { installPhrases } from './install-phrases.js';
import type { Phrase } from './phrase.js';
import { planPhrases } from './plan-phrases.js';
import { settingPhrases } from './setting-phrases.js';
import { startPhrases } from './start-phrases.js';
import { storagePhrases } from './storage-phrases.js';
import { told } from './told.js';
import { transferPhrases } from './transfer-phrases.js';
import { usagePhrases } from './usage-phrases.js';

const own = [planPhrases, startPhrases, installPhrases, settingPhrases, storagePhrases, transferPhrases].flat();
const namesIn = (text: string): readonly string[] => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
const filled = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '');

const causeFiles = [
  ...['plan-candidates', 'cheapest-contents', 'plan-update'].map((name) => `core/src/planner/${name}`),
  ...['prove-start', 'node-step-runner', 'requirements', 'find-program', 'repair-install'].map((name) => `core/src/update/${name}`),
  'core/src/transaction/recover',
  'core/src/file-system/storage-error',
  'cli/src/backups/assert-proven-backup',
  'cli/src/terminal/install-gate',
  ...['qualify-program', 'qualify-staged'].map((name) => `cli/src/agent/self-update/${name}`),
];

/** What a file says in three words or more, with a value put in for each. */
function clausesIn(path: string): readonly string[] {
  const source = readFileSync(new URL(`../../../../${path}.ts`, import.meta.url), 'utf8').replace(
    /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm,
    '',
  );
  return [...source.matchAll(/(['`])((?:\\.|\$\{[^{}]*\}|(?!\1|\n).)*)\1/g)]
    .map(([, , text = '']) => text.replace(/\$\{[^{}]*\}/g, '7'))
    .filter((text) => !/\$\{|\p{L}7/u.test(text) && /^(7|\p{Ll}+)( \S+){2,}$/u.test(text));
}

/** All that the three packages say, with `{}` for what they put in. */
function sourceText(): string {
  return ['core', 'cli', 'server']
    .flatMap((name) => {
      const folder = new URL(`../../../../${name}/src/`, import.meta.url);
      return readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.ts') && !path.includes('.test.') && !path.includes('phrases'))
        .map((path) => readFileSync(new URL(path.replaceAll('\\', '/'), folder), 'utf8'));
    })
    .join('\n')
    .replace(/\$\{[^{}]*\}/g, '{}')
    .replaceAll("\\'", "'");
}

describe('what the library says', () => {
  it('is said by it as it stands here', () => {
    const source = sourceText();
    const gone = own.filter(
      ({ en }) => !source.includes(en.replace(/^\{\w+\} /, '').replace(/\{\w+\}/g, '{}')) && !assembled.has(en),
    );
    expect(gone.map(({ en }) => en)).toEqual([]);
  });

  it('has words, whatever it gives as the cause of a plan, a start, a step, a requirement, a backup or a way back', () => {
    const wordless = causeFiles.flatMap((path) => clausesIn(path).filter((clause) => told(clause, 'pt') === clause));
    expect(wordless).toEqual([]);
  });

  it('has words and all its values in each language', () => {
    for (const phrase of [...own, ...usagePhrases]) assertWords(phrase);
  });

  const assertWords = (phrase: Phrase): void => {
    const { en } = phrase;
    const values = Object.fromEntries(namesIn(en).map((name, index) => [name, `v${index}w`]));
    for (const language of ['pt', 'it'] as const) {
      const words = phrase[language];
      expect(
        namesIn(words).filter((name) => !namesIn(en).includes(name)),
        en,
      ).toEqual([]);
      expect(told(filled(en, values), language)).toBe(filled(words, values));
    }
    if (en.includes(' ')) expect([phrase.pt, phrase.it]).not.toContain(en);
  };

  const inEach = (text: string, code: string | null = null): readonly string[] =>
    languages.map((language) => told(text, language, code));

  it('has its figures as people read them', () => {
    expect(inEach('5304851 bytes are needed at C:\\sistema, 1200 are free')).toEqual([
      '5304851 bytes are needed at C:\\sistema, 1200 are free',
      'são necessários 5,30 MB em C:\\sistema, e há 1,20 kB livres',
      'in C:\\sistema servono 5,30 MB, e ce ne sono 1,20 kB liberi',
    ]);
    expect(told('nothing listens on port 8080 within 60000 ms', 'pt')).toBe('nada responde na porta 8080 em 1 minuto');
    expect(told('no proven backup of banco is younger than 24 hours', 'it')).toBe(
      "non c'è un backup comprovato di banco più recente di 1 giorno",
    );
    expect(told('5,304,851 bytes dearer than chain 1.0.0 → 1.0.1', 'pt')).toBe('5,30 MB mais caro que cadeia 1.0.0 → 1.0.1');
  });

  it('is understood in chains, in lists, and with the failures of the system', () => {
    expect(told('STEP_FAILED: Migrar: it ended with exit code 3 < fetch failed', 'pt')).toBe(
      'Migrar: terminou com o código 3: a conexão falhou',
    );
    expect(told('php >=8.2 is required, and none was found; 7,000,000 bytes have to be free, and 5 are', 'it')).toBe(
      'serve php >=8.2, che non è stato trovato; servono 7,00 MB liberi, e ce ne sono 5 byte',
    );
    expect(told('The server answered 404: erp 9.9.9 is not published for any', 'pt')).toBe(
      'o servidor respondeu 404: erp 9.9.9 não foi publicada para any',
    );
    expect(told("ENOSPC: no space left on device, write 'C:\\x'", 'it')).toBe("non c'è spazio libero sul disco (C:\\x, ENOSPC)");
    expect(told('erp.exe could not be started: spawn erp.exe ENOENT', 'pt')).toBe(
      'não foi possível iniciar erp.exe: não existe (erp.exe, ENOENT)',
    );
  });

  it('is told by its code where it has no words, and as it is without one', () => {
    const text = 'a blob is not where it should be';
    expect(inEach(text, 'PATCH_INVALID')).toEqual([text, 'o patch está malformado', 'la patch è malformata']);
    expect(inEach(text)).toEqual([text, text, text]);
    for (const code of Object.keys(errorCatalogue) as ErrorCode[]) expect(told(text, 'pt', code), code).not.toContain('blob');
  });

  it('takes no longer when somebody sends what looks like a sentence for ever', () => {
    const hostile = [': '.repeat(450), 'a; '.repeat(300), ' < '.repeat(300), 'x is required, and '.repeat(50), '{'.repeat(5_000)];
    for (const text of hostile) expect(told(text, 'pt')).toEqual(expect.any(String));
  });
});

/** Put together in the sources from pieces. */
const assembled = new Set([
  'there is no such program that may be run, in its folder or on the PATH',
  '{version} is older than the installed {installed}, and nobody signed that it may take its place',
  '{operation} of {path} is refused while {holder} holds it, or for want of rights',
  '{name} {range} is required, and its version can not be told',
  '{name} {range} is required, and {version} was found',
  'The server answered {status}: {detail}',
  '{setting} is missing (or {variable} in the environment)',
  '{names} are missing, and the install that --root names, if any, has no terminal of its own',
]);

it('a command that was not understood is answered in the language of whoever typed it', async () => {
  const answers = async (language: Language): Promise<string> => {
    let said = '';
    const tree = await createCommandTree(() => Promise.resolve(), { asked: 'check', language });
    const command = tree.commands.find((one) => one.name() === 'check');
    command?.configureOutput({ writeErr: (text) => (said += text) });
    await tree.parseAsync(['check', '--rooot', 'x'], { from: 'user' }).catch(() => undefined);
    return said;
  };
  expect(await answers('pt')).toBe("erro: a opção '--rooot' não existe\n(Seria --root?)\n(--help mostra como usar)\n");
  expect(await answers('it')).toContain("l'opzione '--rooot' non esiste");
  expect(await answers('en')).toBe("error: unknown option '--rooot'\n(Did you mean --root?)\n(--help shows how it is used)\n");
});
