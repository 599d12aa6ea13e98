/** What is wrong with settings and options. */
import type { Phrase } from './phrase.js';

export const settingPhrases: readonly Phrase[] = [
  { en: '{setting} is not a setting', pt: '{setting} não é uma configuração', it: "{setting} non è un'impostazione" },
  {
    en: '{setting} does not belong there; name a file that holds it as {file}',
    pt: '{setting} não deve ficar ali; indique em {file} um arquivo que o contenha',
    it: '{setting} non va messo lì; indicare in {file} un file che lo contenga',
  },
  { en: '{path} does not hold a JSON object', pt: '{path} não contém um objeto JSON', it: '{path} non contiene un oggetto JSON' },
  {
    en: '{setting} must be a whole number from {least} to {most}',
    pt: '{setting} deve ser um número inteiro de {least} a {most}',
    it: '{setting} deve essere un numero intero da {least} a {most}',
  },
  {
    en: '{setting} must be a whole number of days',
    pt: '{setting} deve ser um número inteiro de dias',
    it: '{setting} deve essere un numero intero di giorni',
  },
  {
    en: '{setting} must be a list of texts',
    pt: '{setting} deve ser uma lista de textos',
    it: '{setting} deve essere un elenco di testi',
  },
  { en: '{setting} must be on or off', pt: '{setting} deve ser on ou off', it: '{setting} deve essere on oppure off' },
  {
    en: '{setting} must be a text and not empty',
    pt: '{setting} deve ser um texto e não pode ser vazio',
    it: '{setting} deve essere un testo non vuoto',
  },
  { en: '{setting} must name a file', pt: '{setting} deve indicar um arquivo', it: '{setting} deve indicare un file' },
  { en: '{setting} must be JSON', pt: '{setting} deve ser JSON', it: '{setting} deve essere JSON' },
  {
    en: '{setting} does not hold a secret: it has to be one word of printable ASCII',
    pt: '{setting} não contém um segredo: deve ser uma só palavra em ASCII',
    it: '{setting} non contiene un segreto: deve essere una sola parola in ASCII',
  },
  {
    en: '{setting} is no cron expression: it takes five fields, or six with seconds first',
    pt: '{setting} não é uma expressão cron: são cinco campos, ou seis com os segundos primeiro',
    it: "{setting} non è un'espressione cron: i campi sono cinque, o sei con i secondi per primi",
  },
  { en: 'folder must be absolute', pt: 'folder deve ser um caminho absoluto', it: 'folder deve essere un percorso assoluto' },
  { en: 'there is no such file', pt: 'o arquivo não existe', it: 'il file non esiste' },
  { en: 'there is no such backup job', pt: 'essa tarefa de backup não existe', it: 'questo lavoro di backup non esiste' },
  {
    en: 'the update manager can not listen at {address}, port {port}',
    pt: 'o gerenciador de atualizações não consegue escutar em {address}, porta {port}',
    it: 'il gestore degli aggiornamenti non riesce ad ascoltare su {address}, porta {port}',
  },
  {
    en: 'the relay can not listen at {address}, port {port}',
    pt: 'o retransmissor não consegue escutar em {address}, porta {port}',
    it: 'il ripetitore non riesce ad ascoltare su {address}, porta {port}',
  },
];
