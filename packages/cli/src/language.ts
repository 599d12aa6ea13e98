/**
 * Messages for people in three languages. Each area keeps its sentences beside its code, in a `messages.ts` that exports
 * `inLanguages({ en, pt, it })`; English is the measure: what one language lacks does not compile. JSON, logs, codes and
 * exit codes are the same in every language.
 */
export const languages = ['en', 'pt', 'it'] as const;
export type Language = (typeof languages)[number];

const isLanguage = (text: string): text is Language => (languages as readonly string[]).includes(text);

/** Sentences of one area: a text, or a function of what it speaks about. */
export type Sentences = Readonly<Record<string, string | ((...args: never[]) => string)>>;

/** @returns what gives an area's sentences in a language. */
export const inLanguages =
  <const English extends Sentences>(texts: { readonly en: English } & Readonly<Record<'pt' | 'it', SameAs<English>>>) =>
  (language: Language): SameAs<English> =>
    texts[language] as SameAs<English>;

/** The same names, with any text for each text and the same arguments for each function. */
type SameAs<English extends Sentences> = {
  readonly [Name in keyof English]: English[Name] extends (...args: infer Args) => string ? (...args: Args) => string : string;
};

export interface LanguageSources {
  /** `--lang`, as given. */
  readonly asked: string | undefined;
  readonly environment: NodeJS.ProcessEnv;
  /** What the configuration file says; asked only when flag and variable say nothing. */
  readonly configured: () => string | undefined;
  /** Of the runtime; on Windows it is the user's. */
  readonly systemLocale: string;
}

/**
 * The language of the person: what `--lang`, `REMENDO_LANGUAGE` or the configuration file names, else what the system says
 * (POSIX variables, then the runtime's locale), else English. What is wrong with a name is told where settings are read.
 */
export function languageOf({ asked, environment, configured, systemLocale }: LanguageSources): Language {
  const { REMENDO_LANGUAGE, LC_ALL, LC_MESSAGES, LANG } = environment;
  const named = asked || REMENDO_LANGUAGE || configured() || LC_ALL || LC_MESSAGES || LANG || systemLocale;
  const language = named.slice(0, 2).toLowerCase();
  return isLanguage(language) ? language : 'en';
}
