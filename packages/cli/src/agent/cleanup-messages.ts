import { inLanguages } from '../language.js';

export const cleanupMessages = inLanguages({
  en: {
    download: 'download',
    staging: 'staging',
    previous: 'old version',
    log: 'log',
    leftover: 'leftover',
    nothing: 'There is nothing to remove.',
    more: (count: number) => `… and ${count} more`,
    freed: (bytes: string) => `${bytes} freed. The way back to the version before is kept.`,
    wouldFree: (bytes: string) => `${bytes} would be freed; nothing was removed.`,
  },
  pt: {
    download: 'download',
    staging: 'preparação',
    previous: 'versão antiga',
    log: 'registro',
    leftover: 'sobra',
    nothing: 'Não há nada a remover.',
    more: (count) => `… e mais ${count}`,
    freed: (bytes) => `${bytes} liberados. O caminho de volta à versão anterior fica guardado.`,
    wouldFree: (bytes) => `${bytes} seriam liberados; nada foi removido.`,
  },
  it: {
    download: 'download',
    staging: 'preparazione',
    previous: 'vecchia versione',
    log: 'registro',
    leftover: 'residuo',
    nothing: "Non c'è nulla da rimuovere.",
    more: (count) => `… e altri ${count}`,
    freed: (bytes) => `${bytes} liberati. La via del ritorno alla versione precedente resta.`,
    wouldFree: (bytes) => `${bytes} verrebbero liberati; nulla è stato rimosso.`,
  },
});
