/** Files and disks. */
import type { Phrase } from './phrase.js';

export const storagePhrases: readonly Phrase[] = [
  {
    en: '{operation} of {path} is refused: a link stands there',
    pt: '{path} não pôde ser alterado ({operation}): há um link ali',
    it: "{path} non si è potuto modificare ({operation}): lì c'è un link",
  },
  { en: '{path} is a {kind}', pt: '{path} não é um arquivo ({kind})', it: '{path} non è un file ({kind})' },
  { en: 'another program', pt: 'outro programa', it: 'un altro programma' },
  {
    en: '{wantedBytes} bytes are needed at {path}, {freeBytes} are free',
    pt: 'são necessários {wantedBytes} em {path}, e há {freeBytes} livres',
    it: 'in {path} servono {wantedBytes}, e ce ne sono {freeBytes} liberi',
  },
  {
    en: '{home} lies on another volume than {root}: no file can be moved between them',
    pt: '{home} está em outro volume que {root}: nenhum arquivo pode ser movido de um para o outro',
    it: "{home} sta su un altro volume rispetto a {root}: nessun file può essere spostato dall'uno all'altro",
  },
  {
    en: '{operation} of {path} would lead to another volume',
    pt: '{path} teria de ir para outro volume ({operation})',
    it: '{path} dovrebbe passare su un altro volume ({operation})',
  },
  {
    en: '{operation} of {path} found no free space',
    pt: 'não havia espaço livre para {path} ({operation})',
    it: "non c'era spazio libero per {path} ({operation})",
  },
  {
    en: '{operation} of {path} is refused while {holder} holds it, or for want of rights',
    pt: '{path} não pôde ser alterado ({operation}): {holder} o segura, ou faltam direitos',
    it: '{path} non si è potuto modificare ({operation}): lo tiene {holder}, oppure mancano i diritti',
  },
  {
    en: '{operation} of {path} is refused while {holder} holds it',
    pt: '{path} não pôde ser alterado ({operation}): {holder} o segura',
    it: '{path} non si è potuto modificare ({operation}): lo tiene {holder}',
  },
  {
    en: '{operation} of {path} did not succeed',
    pt: 'falhou o acesso a {path} ({operation})',
    it: "l'accesso a {path} non è riuscito ({operation})",
  },
  { en: '{path} can not be read', pt: '{path} não pode ser lido', it: '{path} non si può leggere' },
  { en: '{path} can not be written', pt: '{path} não pode ser gravado', it: '{path} non si può scrivere' },
  { en: '{path} does not exist', pt: '{path} não existe', it: '{path} non esiste' },
  { en: '{path} is no file', pt: '{path} não é um arquivo', it: '{path} non è un file' },
  { en: '{path} is not there', pt: '{path} não está lá', it: "{path} non c'è" },
  {
    en: 'what is staged for {path} is not its target',
    pt: 'o que foi preparado para {path} não é o que deveria ser',
    it: 'ciò che è stato preparato per {path} non è ciò che dovrebbe essere',
  },
  {
    en: 'the installed file with content {content} is damaged or gone',
    pt: 'o arquivo instalado está danificado ou sumiu',
    it: 'il file installato è danneggiato o sparito',
  },
  {
    en: '{path} could not be made ({why}) and the server does not have it whole',
    pt: '{path} não pôde ser montado ({why}), e o servidor não o tem inteiro',
    it: '{path} non si è potuto comporre ({why}), e il server non lo ha intero',
  },
  { en: '{path} did not come out as it should be', pt: '{path} não saiu como deveria', it: '{path} non è risultato come dovrebbe' },
];
