import { inLanguages } from '../language.js';

export const pageMessages = inLanguages({
  en: {
    listening: (url: string) => `Update manager up at ${url}; Ctrl-C ends it.`,
    secret: 'Whoever has this address may start an update: do not pass it on.',
    started: (version: string | null) => (version === null ? 'An update was asked for.' : `An update to ${version} was asked for.`),
    installed: (version: string) => `The update has ended; version ${version} is installed.`,
    notUpdated: (reason: string) => `The update did not take place: ${reason}`,
    closing: 'Update manager ended.',
  },
  pt: {
    listening: (url) => `Gerenciador de atualizações ativo em ${url}; Ctrl-C encerra.`,
    secret: 'Quem tiver este endereço pode iniciar uma atualização: não o repasse.',
    started: (version) =>
      version === null ? 'Uma atualização foi solicitada.' : `Uma atualização para a versão ${version} foi solicitada.`,
    installed: (version) => `A atualização terminou; a versão ${version} está instalada.`,
    notUpdated: (reason) => `A atualização não foi feita: ${reason}`,
    closing: 'Gerenciador de atualizações encerrado.',
  },
  it: {
    listening: (url) => `Gestore degli aggiornamenti attivo su ${url}; Ctrl-C lo termina.`,
    secret: 'Chi ha questo indirizzo può avviare un aggiornamento: non va comunicato ad altri.',
    started: (version) =>
      version === null ? 'È stato richiesto un aggiornamento.' : `È stato richiesto un aggiornamento alla versione ${version}.`,
    installed: (version) => `L'aggiornamento è terminato; è installata la versione ${version}.`,
    notUpdated: (reason) => `L'aggiornamento non è stato eseguito: ${reason}`,
    closing: 'Gestore degli aggiornamenti terminato.',
  },
});
