/** Names of plans, and why one lost. */
import type { Phrase } from './phrase.js';

export const planPhrases: readonly Phrase[] = [
  { en: 'full zip', pt: 'zip completo', it: 'zip completo' },
  { en: 'whole contents', pt: 'conteúdos inteiros', it: 'contenuti interi' },
  { en: 'contents', pt: 'conteúdos', it: 'contenuti' },
  { en: 'index only', pt: 'só o índice', it: "solo l'indice" },
  { en: 'deltas', pt: 'deltas', it: 'delta' },
  { en: 'chain {base} → {target}', pt: 'cadeia {base} → {target}', it: 'catena {base} → {target}' },
  { en: 'no deltas lead there', pt: 'nenhum delta leva até lá', it: 'nessun delta porta fin lì' },
  {
    en: 'needs a patch that does not exist: nothing makes {content}',
    pt: 'falta um patch: nada produz {content}',
    it: 'manca una patch: nulla produce {content}',
  },
  {
    en: 'needs the codec {codecs}, which the terminal does not know',
    pt: 'precisa do codec {codecs}, que o terminal não conhece',
    it: 'serve il codec {codecs}, che il terminale non conosce',
  },
  {
    en: '{content} is not stored whole',
    pt: 'o servidor não guarda {content} inteiro',
    it: 'il server non conserva {content} intero',
  },
  {
    en: 'no derivation makes {content}',
    pt: 'não há como produzir {content}',
    it: "non c'è modo di produrre {content}",
  },
  { en: 'can not be planned', pt: 'não pode ser planejado', it: 'non si può pianificare' },
  { en: 'lies in too many objects', pt: 'está espalhado por objetos demais', it: 'è sparso in troppi oggetti' },
  { en: 'dearer', pt: 'mais caro', it: 'più costoso' },
  { en: '{sizeBytes} bytes dearer than {label}', pt: '{sizeBytes} mais caro que {label}', it: '{sizeBytes} in più di {label}' },
  { en: '{sizeBytes} dearer than {label}', pt: '{sizeBytes} mais caro que {label}', it: '{sizeBytes} in più di {label}' },
  { en: '{sizeBytes} dearer', pt: '{sizeBytes} mais caro', it: '{sizeBytes} in più' },
  { en: 'costs the same as {label}', pt: 'custa o mesmo que {label}', it: 'costa quanto {label}' },
  { en: 'not all of it is in the bundle', pt: 'nem tudo está no pacote', it: "nel pacchetto non c'è tutto" },
  {
    en: 'the OpenPGP signature covers the full zip only',
    pt: 'a assinatura OpenPGP cobre apenas o zip completo',
    it: 'la firma OpenPGP copre solo lo zip completo',
  },
];
