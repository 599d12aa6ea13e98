/** How commander says that a command was not understood, and typebox what is wrong with a structure. */
import type { Phrase } from './phrase.js';

export const usagePhrases: readonly Phrase[] = [
  { en: '{setting} must be integer', pt: '{setting} deve ser um número inteiro', it: '{setting} deve essere un numero intero' },
  { en: '{setting} must be number', pt: '{setting} deve ser um número', it: '{setting} deve essere un numero' },
  { en: '{setting} must be string', pt: '{setting} deve ser um texto', it: '{setting} deve essere un testo' },
  { en: '{setting} must be boolean', pt: '{setting} deve ser true ou false', it: '{setting} deve essere true o false' },
  { en: '{setting} must be object', pt: '{setting} deve ser um objeto', it: '{setting} deve essere un oggetto' },
  { en: '{setting} must be array', pt: '{setting} deve ser uma lista', it: '{setting} deve essere un elenco' },
  { en: '{setting} must be >= {least}', pt: '{setting} deve ser no mínimo {least}', it: '{setting} deve essere almeno {least}' },
  { en: '{setting} must be <= {most}', pt: '{setting} deve ser no máximo {most}', it: '{setting} deve essere al massimo {most}' },
  { en: '{setting} must have required properties {list}', pt: '{setting}: falta {list}', it: '{setting}: manca {list}' },
  {
    en: '{setting} must be equal to one of the allowed values',
    pt: '{setting} não é um dos valores permitidos',
    it: '{setting} non è uno dei valori ammessi',
  },
  { en: '(--help shows how it is used)', pt: '(--help mostra como usar)', it: '(--help mostra come si usa)' },
  { en: 'error: {usage}', pt: 'erro: {usage}', it: 'errore: {usage}' },
  {
    en: '{usage}\n(Did you mean {names}?)',
    pt: '{usage}\n(Seria {names}?)',
    it: '{usage}\n(Forse {names}?)',
  },
  {
    en: '{usage}\n(Did you mean one of {names}?)',
    pt: '{usage}\n(Seria um destes: {names}?)',
    it: '{usage}\n(Forse uno di questi: {names}?)',
  },
  { en: 'unknown option {option}', pt: 'a opção {option} não existe', it: "l'opzione {option} non esiste" },
  { en: 'unknown command {command}', pt: 'o comando {command} não existe', it: 'il comando {command} non esiste' },
  { en: 'missing required argument {argument}', pt: 'falta o argumento {argument}', it: "manca l'argomento {argument}" },
  { en: 'option {option} argument missing', pt: 'falta o valor da opção {option}', it: "manca il valore dell'opzione {option}" },
  { en: 'required option {option} not specified', pt: 'falta a opção {option}', it: "manca l'opzione {option}" },
  {
    en: '{option} cannot be used with {other}',
    pt: '{option} não combina com {other}',
    it: '{option} non si può usare con {other}',
  },
  {
    en: 'too many arguments for {command}. Expected {expected} but got {count}.',
    pt: 'argumentos demais para {command}: são {count}',
    it: 'troppi argomenti per {command}: sono {count}',
  },
  {
    en: 'too many arguments. Expected {expected} but got {count}.',
    pt: 'argumentos demais: são {count}',
    it: 'troppi argomenti: sono {count}',
  },
];
