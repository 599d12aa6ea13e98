/** What keeps an update from beginning, from going on, or from being undone. */
import type { Phrase } from './phrase.js';

export const installPhrases: readonly Phrase[] = [
  {
    en: 'this program runs with more rights than those who can write to {places}',
    pt: 'este programa tem mais direitos do que quem pode escrever em {places}',
    it: 'questo programma ha più diritti di chi può scrivere in {places}',
  },
  {
    en: 'the journal can not be believed: {fault}',
    pt: 'não dá para confiar no diário da instalação ({fault})',
    it: "il diario dell'installazione non è attendibile ({fault})",
  },
  {
    en: '{root} has lost its manifest, and only a whole install is signed by OpenPGP',
    pt: '{root} perdeu o manifesto, e a assinatura OpenPGP só cobre uma instalação completa',
    it: "{root} ha perso il manifesto, e la firma OpenPGP copre solo un'installazione intera",
  },
  {
    en: 'its files are most like {version}, which is older than the {claimed} it says',
    pt: 'os arquivos parecem da {version}, mais antiga do que a {claimed} que ela diz ser',
    it: 'i file somigliano alla {version}, più vecchia della {claimed} che dice di essere',
  },
  {
    en: 'its files are most like {version}, but {damaged} of {all} differ',
    pt: 'os arquivos parecem da {version}, mas {damaged} de {all} são diferentes',
    it: 'i file somigliano alla {version}, ma {damaged} su {all} sono diversi',
  },
  { en: 'nothing is installed in {root}', pt: 'nada está instalado em {root}', it: 'non è installato nulla in {root}' },
  {
    en: 'nothing was installed in {root} by this program',
    pt: 'este programa não instalou nada em {root}',
    it: 'questo programma non ha installato nulla in {root}',
  },
  {
    en: '{programs} {runs} from the install root',
    pt: 'em uso na pasta de instalação: {programs}',
    it: 'in esecuzione dalla cartella di installazione: {programs}',
  },
  {
    en: 'the application has its hold file: it must not be disturbed now',
    pt: 'o aplicativo pediu para não ser interrompido agora',
    it: "l'applicazione ha chiesto di non essere disturbata adesso",
  },
  {
    en: 'no proven backup of {jobs} is younger than {ageHours} hours',
    pt: 'não há backup comprovado de {jobs} com menos de {ageHours}',
    it: "non c'è un backup comprovato di {jobs} più recente di {ageHours}",
  },
  { en: '{job} was never checked', pt: '{job}: nunca foi verificado', it: '{job}: mai controllato' },
  {
    en: '{job} has no proven backup; it is {state}',
    pt: '{job}: nenhum backup comprovado ({state})',
    it: '{job}: nessun backup comprovato ({state})',
  },
  // States of a backup, in the sentence before.
  { en: 'missing', pt: 'não há', it: 'manca' },
  { en: 'empty', pt: 'não há nenhum', it: "non ce n'è nessuno" },
  { en: 'stale', pt: 'velho demais', it: 'troppo vecchio' },
  { en: 'too_small', pt: 'pequeno demais', it: 'troppo piccolo' },
  { en: 'shrunk', pt: 'encolheu', it: 'si è ridotto' },
  { en: 'too_few', pt: 'cópias de menos', it: 'troppo poche copie' },
  { en: 'corrupt', pt: 'corrompido', it: 'corrotto' },
  { en: 'unreadable', pt: 'ilegível', it: 'illeggibile' },
  { en: 'disk_low', pt: 'pouco espaço em disco', it: 'poco spazio su disco' },
  {
    en: 'the setting backups has no job {name}; it has {held}',
    pt: 'a configuração backups não tem a tarefa {name}; tem {held}',
    it: "l'impostazione backups non ha il lavoro {name}; ha {held}",
  },
  {
    en: '{job} was proven by a clock that is {time} ahead',
    pt: '{job}: foi comprovado com um relógio adiantado ({time})',
    it: '{job}: comprovato con un orologio avanti ({time})',
  },
  {
    en: '{job} has a proven backup that is {time} old',
    pt: '{job}: o backup comprovado é antigo ({time})',
    it: '{job}: il backup comprovato è vecchio ({time})',
  },
  {
    en: '{job} had a proven backup, which is gone or has changed',
    pt: '{job}: o backup comprovado sumiu ou mudou',
    it: '{job}: il backup comprovato è sparito o è cambiato',
  },
  {
    en: '{version} was put in place {count} times and is wanted again: a loop of updates',
    pt: 'a {version} já foi instalada {count} vezes e é pedida de novo: as atualizações andam em círculo',
    it: 'la {version} è già stata installata {count} volte ed è richiesta di nuovo: gli aggiornamenti girano in tondo',
  },
  {
    en: '{version} is held ({why}): go on with it, or go back in spite of the data',
    pt: 'a {version} ficou em manutenção ({why}): siga com ela, ou volte apesar dos dados',
    it: 'la {version} è in manutenzione ({why}): proseguire con questa, oppure tornare indietro nonostante i dati',
  },
  { en: '{version} is held: {why}', pt: 'a {version} está em manutenção: {why}', it: 'la {version} è in manutenzione: {why}' },
  {
    en: '{version} failed ({why}), and the version before does not understand the data any more',
    pt: 'a {version} falhou ({why}), e a versão anterior não entende mais os dados',
    it: 'la {version} non è riuscita ({why}), e la versione di prima non capisce più i dati',
  },
  { en: '{version} is no longer offered', pt: 'a {version} não é mais oferecida', it: 'la {version} non è più offerta' },
  {
    en: '{version} is older than the installed {installed}, and nobody signed that it may take its place',
    pt: 'a {version} é mais antiga que a {installed} instalada, e ninguém assinou que pode tomar o lugar dela',
    it: 'la {version} è più vecchia della {installed} installata, e nessuno ha firmato che può prenderne il posto',
  },
  {
    en: '{version} is older than the installed {installed}',
    pt: 'a {version} é mais antiga que a {installed} instalada',
    it: 'la {version} è più vecchia della {installed} installata',
  },
  { en: 'no plan worked out', pt: 'nenhum plano deu certo', it: 'nessun piano è riuscito' },
  {
    en: 'the install has changed since this update was planned',
    pt: 'a instalação mudou depois que esta atualização foi planejada',
    it: "l'installazione è cambiata dopo che questo aggiornamento era stato pianificato",
  },
  {
    en: '{name} {range} is required, and none was found',
    pt: 'é preciso {name} {range}, que não foi encontrado',
    it: 'serve {name} {range}, che non è stato trovato',
  },
  {
    en: '{name} {range} is required, and its version can not be told',
    pt: 'é preciso {name} {range}, e a versão daqui não pôde ser identificada',
    it: 'serve {name} {range}, e la versione presente non si riesce a stabilire',
  },
  {
    en: '{name} {range} is required, and {version} was found',
    pt: 'é preciso {name} {range}, e foi encontrado {version}',
    it: 'serve {name} {range}, ed è stato trovato {version}',
  },
  {
    en: '{name} {range} is no range of versions',
    pt: '{name} {range} não é um intervalo de versões',
    it: '{name} {range} non è un intervallo di versioni',
  },
  {
    en: 'the operating system has to be {wanted}, and is {found}',
    pt: 'o sistema operacional deve ser {wanted}, e é {found}',
    it: 'il sistema operativo deve essere {wanted}, ed è {found}',
  },
  {
    en: '{wantedBytes} bytes have to be free, and {freeBytes} are',
    pt: 'é preciso ter {wantedBytes} livres, e há {freeBytes}',
    it: 'servono {wantedBytes} liberi, e ce ne sono {freeBytes}',
  },
  {
    en: 'disk_bytes {wanted} is no number of bytes',
    pt: 'disk_bytes {wanted} não é um número de bytes',
    it: 'disk_bytes {wanted} non è un numero di byte',
  },
  { en: '{version} is not a version', pt: '{version} não é uma versão', it: '{version} non è una versione' },
  {
    en: 'the last transaction of this install can not be undone',
    pt: 'a última atualização desta instalação não pode ser desfeita',
    it: "l'ultimo aggiornamento di questa installazione non si può annullare",
  },
  {
    en: '{count} files of the previous version are damaged or gone',
    pt: 'arquivos da versão anterior danificados ou perdidos: {count}',
    it: 'file della versione precedente danneggiati o spariti: {count}',
  },
  {
    en: '{count} files are nowhere to be found as they were or as they should be',
    pt: 'arquivos que não existem nem como eram nem como deveriam ser: {count}',
    it: "file che non si trovano né com'erano né come dovrebbero essere: {count}",
  },
  {
    en: 'the rollback of transaction {id} could not finish',
    pt: 'a volta à versão anterior não pôde terminar (transação {id})',
    it: 'il ritorno alla versione precedente non è finito (transazione {id})',
  },
  { en: '{path} is in the way: {why}', pt: '{path} está no caminho: {why}', it: '{path} è di intralcio: {why}' },
  {
    en: 'the update to {version} has still to prove itself: start the application, or roll it back',
    pt: 'a atualização para a {version} ainda precisa se provar: inicie o aplicativo, ou desfaça-a',
    it: "l'aggiornamento alla {version} deve ancora dare prova di sé: avviare l'applicazione, oppure annullarlo",
  },
  {
    en: '{root} has no manifest of what is installed',
    pt: '{root} não tem o manifesto do que está instalado',
    it: '{root} non ha il manifesto di ciò che è installato',
  },
  {
    en: 'no release that is known has the files of {root}',
    pt: 'nenhuma versão conhecida tem os arquivos de {root}',
    it: 'nessuna versione nota ha i file di {root}',
  },
  {
    en: 'another agent looks after this install',
    pt: 'outro agente já cuida desta instalação',
    it: 'di questa installazione si occupa già un altro agente',
  },
  {
    en: 'what to start has to follow -- at the end',
    pt: 'o que iniciar deve vir no fim, depois de --',
    it: 'ciò che va avviato deve stare in fondo, dopo --',
  },
  { en: 'whose licence is not said', pt: 'não se sabe de quem é a licença', it: 'non si sa di chi sia la licenza' },
  {
    en: '{names} are missing, and the install that --root names, if any, has no terminal of its own',
    pt: 'faltam {names}, e a instalação indicada por --root, se houver, não tem um terminal próprio',
    it: "mancano {names}, e l'installazione indicata da --root, se c'è, non ha un terminale proprio",
  },
  {
    en: 'REMENDO_API_KEY and REMENDO_API_SECRET',
    pt: 'REMENDO_API_KEY e REMENDO_API_SECRET',
    it: 'REMENDO_API_KEY e REMENDO_API_SECRET',
  },
  { en: 'the settings are not right', pt: 'as configurações estão erradas', it: 'le impostazioni non sono giuste' },
  { en: 'the options are not right', pt: 'as opções estão erradas', it: 'le opzioni non sono giuste' },
  { en: 'the steps are not right', pt: 'as etapas estão erradas', it: 'i passi non sono giusti' },
  {
    en: '{setting} is missing (or {variable} in the environment)',
    pt: 'falta {setting} (ou {variable} no ambiente)',
    it: "manca {setting} (o {variable} nell'ambiente)",
  },
  { en: '{setting} is missing', pt: 'falta {setting}', it: 'manca {setting}' },
];
