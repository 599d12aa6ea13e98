import { inLanguages } from '../language.js';

export const outputMessages = inLanguages({
  en: {
    warning: 'warning',
    partOf: (part: string, whole: string) => `${part} of ${whole}`,
    error: (text: string) => `error ${text}`,
    because: (text: string) => `because ${text}`,
    unknownFailure: 'unknown failure',
    interrupted: 'interrupted; nothing was left half-done',
    tryLater: 'It may work when it is tried again later.',
    inEnglish: (text: string) => `in English: ${text}`,
  },
  pt: {
    warning: 'aviso',
    partOf: (part, whole) => `${part} de ${whole}`,
    error: (text) => `erro ${text}`,
    because: (text) => `causa: ${text}`,
    unknownFailure: 'falha desconhecida',
    interrupted: 'interrompido; nada ficou pela metade',
    tryLater: 'Pode funcionar se for tentado de novo mais tarde.',
    inEnglish: (text) => `detalhe, em inglês: ${text}`,
  },
  it: {
    warning: 'attenzione',
    partOf: (part, whole) => `${part} di ${whole}`,
    error: (text) => `errore ${text}`,
    because: (text) => `causa: ${text}`,
    unknownFailure: 'errore sconosciuto',
    interrupted: 'interrotto; nulla è rimasto a metà',
    tryLater: 'Riprovando più tardi potrebbe riuscire.',
    inEnglish: (text) => `dettaglio, in inglese: ${text}`,
  },
});
