/** Why a start, a step or a health probe failed, and why an update went back. */
import type { Phrase } from './phrase.js';

export const startPhrases: readonly Phrase[] = [
  {
    en: '{command} ended with exit code {code}',
    pt: '{command} terminou com o código {code}',
    it: '{command} è terminato con il codice {code}',
  },
  { en: 'it ended with exit code {code}', pt: 'terminou com o código {code}', it: 'è terminato con il codice {code}' },
  {
    en: '{command} was ended by {signal}',
    pt: '{command} foi encerrado por {signal}',
    it: '{command} è stato terminato da {signal}',
  },
  { en: 'it was ended by {signal}', pt: 'foi encerrado por {signal}', it: 'è stato terminato da {signal}' },
  {
    en: '{command} could not be started: {why}',
    pt: 'não foi possível iniciar {command}: {why}',
    it: 'non è stato possibile avviare {command}: {why}',
  },
  { en: 'it could not be started: {why}', pt: 'não foi possível iniciar: {why}', it: 'non è stato possibile avviarlo: {why}' },
  { en: 'it could not be ended', pt: 'não foi possível encerrá-lo', it: 'non è stato possibile terminarlo' },
  { en: 'it took longer than {timeMs} ms', pt: 'demorou mais de {timeMs}', it: 'ha richiesto più di {timeMs}' },
  { en: 'it was stopped', pt: 'foi interrompida', it: 'è stato interrotto' },
  { en: 'it left no backup at {path}', pt: 'não deixou nenhum backup em {path}', it: 'non ha lasciato alcun backup in {path}' },
  { en: '{why} within {timeMs} ms', pt: '{why} em {timeMs}', it: '{why} entro {timeMs}' },
  { en: 'nothing listens on port {port}', pt: 'nada responde na porta {port}', it: 'nulla risponde sulla porta {port}' },
  { en: '{file} was not written', pt: '{file} não foi gravado', it: '{file} non è stato scritto' },
  {
    en: '{command} does not say that it is healthy',
    pt: '{command} não confirma que está tudo bem',
    it: '{command} non conferma che va tutto bene',
  },
  {
    en: 'it was started {count} times without proving healthy',
    pt: 'foi iniciada {count} vezes sem se mostrar saudável',
    it: 'è stata avviata {count} volte senza dimostrarsi sana',
  },
  {
    en: 'it was started {count} times without a healthy round',
    pt: 'foi iniciada {count} vezes sem completar uma rodada',
    it: 'è stata avviata {count} volte senza portare a termine un giro',
  },
  {
    en: 'it was started {count} times without a round that came to its end',
    pt: 'foi iniciada {count} vezes sem que uma rodada chegasse ao fim',
    it: 'è stata avviata {count} volte senza che un giro arrivasse alla fine',
  },
  {
    en: 'there is no such program that may be run, in its folder or on the PATH',
    pt: 'não há esse programa na pasta nem no PATH, ou ele não pode ser executado',
    it: 'il programma non si trova nella cartella né nel PATH, oppure non si può eseguire',
  },
  {
    en: 'there is no such program that may be run',
    pt: 'não há esse programa, ou ele não pode ser executado',
    it: 'il programma non esiste, oppure non si può eseguire',
  },
  { en: 'nothing in the plan makes it', pt: 'nada no plano o produz', it: 'nulla nel piano lo produce' },
  { en: 'asked for', pt: 'a pedido', it: 'su richiesta' },
  { en: 'it was stopped while steps ran', pt: 'foi interrompida durante as etapas', it: 'è stata interrotta durante i passi' },
  { en: 'it was cut short while steps ran', pt: 'foi cortada durante as etapas', it: 'è stata troncata durante i passi' },
  { en: 'interrupted by {signal}', pt: 'interrompida por {signal}', it: 'interrotto da {signal}' },
  { en: 'it was cut short', pt: 'foi cortada no meio', it: 'è stata troncata a metà' },
  {
    en: 'what the target needs is no longer there',
    pt: 'falta algo de que a versão nova precisa',
    it: 'manca qualcosa che serve alla versione nuova',
  },
  {
    en: 'version {version} of the agent is not fit to run here: {why}',
    pt: 'a versão {version} do agente não serve para esta máquina: {why}',
    it: "la versione {version} dell'agente non è adatta a questa macchina: {why}",
  },
  { en: 'nobody said why', pt: 'o motivo não foi informado', it: 'nessuno ha detto perché' },
  {
    en: 'a batch file needs a shell, which is not used; name a program',
    pt: 'um arquivo de lote precisa de um shell, que não é usado; indique um programa',
    it: 'un file batch richiede una shell, che non viene usata; indicare un programma',
  },
  {
    en: 'this program can not probe ports, files or commands',
    pt: 'este programa não verifica portas, arquivos nem comandos',
    it: 'questo programma non controlla porte, file né comandi',
  },
  { en: 'it did not answer as an agent does', pt: 'não respondeu como um agente', it: 'non ha risposto come un agente' },
  {
    en: 'it answered more than an agent does',
    pt: 'respondeu mais do que um agente responde',
    it: 'ha risposto più di quanto fa un agente',
  },
  { en: 'it did not end within {seconds} s', pt: 'não terminou em {seconds} s', it: 'non è terminato entro {seconds} s' },
  { en: 'it was broken off', pt: 'foi interrompida', it: 'è stata interrotta' },
  { en: 'it has no {program}', pt: 'não traz {program}', it: 'non contiene {program}' },
  {
    en: 'the new version can not be tried now',
    pt: 'a versão nova não pode ser testada agora',
    it: 'la versione nuova ora non si può provare',
  },
  {
    en: 'the new version of the agent does not reach the server',
    pt: 'a versão nova do agente não alcança o servidor',
    it: "la versione nuova dell'agente non raggiunge il server",
  },
  { en: 'it can not be started: {why}', pt: 'não pode ser iniciada: {why}', it: 'non si può avviare: {why}' },
];
