import { inLanguages } from '../language.js';

export const relayMessages = inLanguages({
  en: {
    listening: (urls: string) => `Relay up at ${urls}; Ctrl-C ends it.`,
    cache: (folder: string, held: string, max: string) => `Cache in ${folder}: ${held} of at most ${max}`,
    announced: 'Terminals of this network with "relay": "auto" find it by themselves.',
    notAnnounced: (reason: string) =>
      `the relay could not make itself known (${reason}); name its address in the terminals' settings`,
    traffic: (served: string, upstream: string, requests: string, hits: string) =>
      `served ${served}, fetched ${upstream}; ${requests} requests, ${hits} of them from here`,
    failed: (reason: string) => `a download from the server failed: ${reason}`,
    noPlan: (reason: string) => `the server tells this relay nothing of an update that a terminal asks for: ${reason}`,
    ended: 'Relay ended.',
    refuted: (url: string) =>
      `the relay at ${url} gave bytes that are not what they should be; it is not asked any more, the server is`,
  },
  pt: {
    listening: (urls) => `Retransmissor ativo em ${urls}; Ctrl-C encerra.`,
    cache: (folder, held, max) => `Cache em ${folder}: ${held} de no máximo ${max}`,
    announced: 'Os terminais desta rede com "relay": "auto" o encontram sozinhos.',
    notAnnounced: (reason) =>
      `o retransmissor não pôde se anunciar na rede (${reason}); informe o endereço dele na configuração dos terminais`,
    traffic: (served, upstream, requests, hits) =>
      `${served} entregues, ${upstream} baixados; ${requests} pedidos, ${hits} deles atendidos daqui`,
    failed: (reason) => `um download do servidor falhou: ${reason}`,
    noPlan: (reason) => `o servidor não informa a este retransmissor uma atualização que um terminal pede: ${reason}`,
    ended: 'Retransmissor encerrado.',
    refuted: (url) =>
      `o retransmissor em ${url} entregou bytes que não são os esperados; ele não será mais consultado, e sim o servidor`,
  },
  it: {
    listening: (urls) => `Ripetitore attivo su ${urls}; Ctrl-C lo termina.`,
    cache: (folder, held, max) => `Cache in ${folder}: ${held} su un massimo di ${max}`,
    announced: 'I terminali di questa rete con "relay": "auto" lo trovano da soli.',
    notAnnounced: (reason) =>
      `il ripetitore non ha potuto annunciarsi nella rete (${reason}); indicarne l'indirizzo nelle impostazioni dei terminali`,
    traffic: (served, upstream, requests, hits) =>
      `${served} forniti, ${upstream} scaricati; ${requests} richieste, di cui ${hits} servite da qui`,
    failed: (reason) => `un download dal server non è riuscito: ${reason}`,
    noPlan: (reason) => `il server non comunica a questo ripetitore un aggiornamento chiesto da un terminale: ${reason}`,
    ended: 'Ripetitore terminato.',
    refuted: (url) =>
      `il ripetitore ${url} ha fornito byte diversi da quelli attesi; non viene più interrogato, al suo posto si usa il server`,
  },
});
