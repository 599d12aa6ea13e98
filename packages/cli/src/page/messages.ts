import { inLanguages } from '../language.js';

export const pageMessages = inLanguages({
  en: {
    listening: (url: string) => `Update manager up at ${url}; Ctrl-C ends it.`,
    secret: 'Whoever has this address may start an update: do not pass it on.',
    started: (version: string | null) => (version === null ? 'An update was asked for.' : `An update to ${version} was asked for.`),
    ended: (outcome: string) => `The update ended: ${outcome}.`,
    closing: 'Update manager ended.',
  },
  pt: {
    listening: (url) => `Gerenciador de atualizações ativo em ${url}; Ctrl-C encerra.`,
    secret: 'Quem tiver este endereço pode iniciar uma atualização: não o repasse.',
    started: (version) =>
      version === null ? 'Uma atualização foi solicitada.' : `Uma atualização para a versão ${version} foi solicitada.`,
    ended: (outcome) => `A atualização terminou: ${outcome}.`,
    closing: 'Gerenciador de atualizações encerrado.',
  },
  it: {
    listening: (url) => `Gestore degli aggiornamenti attivo su ${url}; Ctrl-C lo termina.`,
    secret: 'Chi ha questo indirizzo può avviare un aggiornamento: non va comunicato ad altri.',
    started: (version) =>
      version === null ? 'È stato richiesto un aggiornamento.' : `È stato richiesto un aggiornamento alla versione ${version}.`,
    ended: (outcome) => `L'aggiornamento è terminato: ${outcome}.`,
    closing: 'Gestore degli aggiornamenti terminato.',
  },
});
