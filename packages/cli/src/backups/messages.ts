import { inLanguages, type Language } from '../language.js';
import { durationText } from '../output/duration.js';
import { quantities } from '../output/quantity.js';
import type { BackupState, Finding, FindingKind, FindingValues } from './finding.js';

export const backupMessages = inLanguages({
  en: {
    job: 'job',
    state: 'state',
    since: 'since',
    newest: 'newest backup',
    size: 'size',
    copies: 'copies',
    checked: 'checked',
    ago: (age: string) => `${age} ago`,
    none: 'none',
    notChecked: 'not checked yet',
    growing: 'A newer file is still being written.',
    allWell: 'All backups are ok.',
    failing: (count: number) => (count === 1 ? '1 backup fails.' : `${count} backups fail.`),
    noJobs: 'No backup jobs are configured: the setting backups names them.',
    waiting: (target: string, count: number, why: string) =>
      `${count} ${count === 1 ? 'message' : 'messages'} to ${target} could not be delivered yet: ${why}`,
    queued: (target: string, count: number) =>
      `${target}: ${count} ${count === 1 ? 'message is' : 'messages are'} waiting to be delivered`,
    accepted: (job: string, size: string) => `${job}: from now on ${size} is the usual size.`,
    notAccepted: (job: string) => `${job} was not accepted: more than its size is wrong.`,
    subject: (job: string, place: string, state: string) => `Backup ${job} (${place}): ${state}`,
    recovered: 'all is well again',
    before: (state: string) => `Before: ${state}.`,
    checkedAt: (time: string) => `Checked: ${time}.`,
    newestIs: (file: string, size: string, time: string) => `Newest backup: ${file}, ${size}, ${time}.`,
    folderHolds: (files: string, size: string) => `The folder holds ${files}, ${size} altogether.`,
    files: (count: string, isOne: boolean) => `${count} ${isOne ? 'file' : 'files'}`,
  },
  pt: {
    job: 'tarefa',
    state: 'estado',
    since: 'desde',
    newest: 'backup mais recente',
    size: 'tamanho',
    copies: 'cópias',
    checked: 'verificado',
    ago: (age) => `há ${age}`,
    none: 'nenhum',
    notChecked: 'ainda não verificado',
    growing: 'Um arquivo mais novo ainda está sendo gravado.',
    allWell: 'Todos os backups estão em ordem.',
    failing: (count) => (count === 1 ? '1 backup com problema.' : `${count} backups com problema.`),
    noJobs: 'Nenhuma tarefa de backup está configurada: elas ficam na configuração backups.',
    waiting: (target, count, why) => `${count} ${count === 1 ? 'mensagem' : 'mensagens'} para ${target} ainda sem entrega: ${why}`,
    queued: (target, count) => `${target}: ${count} ${count === 1 ? 'mensagem aguarda' : 'mensagens aguardam'} entrega`,
    accepted: (job, size) => `${job}: de agora em diante, ${size} é o tamanho normal.`,
    notAccepted: (job) => `${job} não foi aceito: o problema não é só o tamanho.`,
    subject: (job, place, state) => `Backup ${job} (${place}): ${state}`,
    recovered: 'tudo em ordem novamente',
    before: (state) => `Antes: ${state}.`,
    checkedAt: (time) => `Verificado: ${time}.`,
    newestIs: (file, size, time) => `Backup mais recente: ${file}, ${size}, ${time}.`,
    folderHolds: (files, size) => `A pasta contém ${files}, ${size} no total.`,
    files: (count, isOne) => `${count} ${isOne ? 'arquivo' : 'arquivos'}`,
  },
  it: {
    job: 'lavoro',
    state: 'stato',
    since: 'da',
    newest: 'backup più recente',
    size: 'dimensione',
    copies: 'copie',
    checked: 'controllato',
    ago: (age) => `${age} fa`,
    none: 'nessuno',
    notChecked: 'non ancora controllato',
    growing: 'Un file più recente è ancora in scrittura.',
    allWell: 'Tutti i backup sono a posto.',
    failing: (count) => (count === 1 ? '1 backup con problemi.' : `${count} backup con problemi.`),
    noJobs: "Nessun lavoro di backup è configurato: li elenca l'impostazione backups.",
    waiting: (target, count, why) =>
      `${count} ${count === 1 ? 'messaggio' : 'messaggi'} per ${target} non ancora ${count === 1 ? 'consegnato' : 'consegnati'}: ${why}`,
    queued: (target, count) => `${target}: ${count} ${count === 1 ? 'messaggio attende' : 'messaggi attendono'} la consegna`,
    accepted: (job, size) => `${job}: da ora in poi ${size} è la dimensione abituale.`,
    notAccepted: (job) => `${job} non è stato accettato: il problema non è solo la dimensione.`,
    subject: (job, place, state) => `Backup ${job} (${place}): ${state}`,
    recovered: 'tutto di nuovo a posto',
    before: (state) => `Prima: ${state}.`,
    checkedAt: (time) => `Controllato: ${time}.`,
    newestIs: (file, size, time) => `Backup più recente: ${file}, ${size}, ${time}.`,
    folderHolds: (files, size) => `La cartella contiene ${files}, ${size} in tutto.`,
    files: (count, _isOne) => `${count} file`,
  },
});

/** What the states mean to people. */
export const stateTexts: Readonly<Record<Language, Readonly<Record<BackupState, string>>>> = {
  en: {
    ok: 'ok',
    missing: 'there is no backup folder',
    empty: 'there is no backup',
    stale: 'the backup is too old',
    too_small: 'the backup is too small',
    shrunk: 'the backup is much smaller than before',
    too_few: 'there are too few backups',
    corrupt: 'the backup is damaged',
    unreadable: 'the backup can not be read',
    disk_low: 'there is little space left',
  },
  pt: {
    ok: 'em ordem',
    missing: 'a pasta de backup não existe',
    empty: 'não há backup',
    stale: 'o backup está velho demais',
    too_small: 'o backup é pequeno demais',
    shrunk: 'o backup está bem menor do que antes',
    too_few: 'há poucos backups',
    corrupt: 'o backup está danificado',
    unreadable: 'o backup não pode ser lido',
    disk_low: 'resta pouco espaço',
  },
  it: {
    ok: 'a posto',
    missing: 'la cartella del backup non esiste',
    empty: "non c'è alcun backup",
    stale: 'il backup è troppo vecchio',
    too_small: 'il backup è troppo piccolo',
    shrunk: 'il backup è molto più piccolo di prima',
    too_few: 'ci sono troppo pochi backup',
    corrupt: 'il backup è danneggiato',
    unreadable: 'il backup non si può leggere',
    disk_low: 'resta poco spazio',
  },
};

type Sentence = (values: FindingValues, say: Words) => string;

interface Words {
  readonly size: (bytes: string | number | undefined) => string;
  readonly time: (seconds: string | number | undefined) => string;
  /** ` (entry)`, or nothing. */
  readonly inside: (entry: string | number | undefined) => string;
}

const sentences: Readonly<Record<Language, Readonly<Record<FindingKind, Sentence>>>> = {
  en: {
    folder_missing: ({ folder, why }) => `The folder ${folder} is not there, or the machine it is on is not (${why}).`,
    folder_unreadable: ({ folder, why }) => `The folder ${folder} can not be read (${why}).`,
    folder_silent: ({ folder, seconds }, { time }) => `The folder ${folder} did not answer within ${time(seconds)}.`,
    folder_too_large: ({ folder, entries }) =>
      `The folder ${folder} holds more than ${entries} entries: a folder of its own, please.`,
    no_file: ({ folder, files }) => `No file in ${folder} matches ${files}.`,
    file_empty: ({ file }) => `${file} is empty.`,
    too_old: ({ file, ageSeconds, allowedSeconds }, { time }) =>
      `${file} is the newest, and ${time(ageSeconds)} old; at most ${time(allowedSeconds)} are allowed.`,
    never_finished: ({ file, seconds }, { time }) =>
      `${file} is still being written, and no backup was finished for ${time(seconds)}.`,
    file_unreadable: ({ file, why }) => `${file} can not be read (${why}).`,
    file_silent: ({ file, seconds }, { time }) => `${file} could not be read on: nothing came for ${time(seconds)}.`,
    look_late: ({ folder, seconds }, { time }) => `Looking at ${folder} was given up: it took longer than ${time(seconds)}.`,
    zip_encrypted: ({ file, entry }) =>
      `${file} can not be tested: ${entry} in it is encrypted. A checksum or a command can prove it.`,
    zip_unsupported: ({ file, why }) => `${file} can not be tested (${why}). A checksum or a command can prove it.`,
    no_archive: ({ file }) => `${file} is neither a zip nor gzip, so it can not be tested as an archive.`,
    no_checksum: ({ file }) => `There is no checksum beside ${file}.`,
    checksum_malformed: ({ file, where }) => `${where} holds no checksum of ${file}.`,
    command_unusable: ({ file, why }) => `The command that proves ${file} did not work (${why}).`,
    command_late: ({ file, seconds }, { time }) => `The command that proves ${file} did not end within ${time(seconds)}.`,
    zip_damaged: ({ file, entry, why }, { inside }) => `${file} is a damaged zip${inside(entry)}: ${why}.`,
    gzip_damaged: ({ file, why }) => `${file} is damaged gzip: ${why}.`,
    checksum_differs: ({ file, where }) => `${file} does not have the checksum in ${where}.`,
    command_refused: ({ file, code, why }, { inside }) => `The command refuses ${file} with exit code ${code}${inside(why)}.`,
    file_small: ({ file, bytes, bytesMin }, { size }) => `${file} has ${size(bytes)}; at least ${size(bytesMin)} are expected.`,
    file_shrunk: ({ file, bytes, usualBytes }, { size }) => `${file} has ${size(bytes)}; ${size(usualBytes)} are usual.`,
    few_copies: ({ copies, copiesMin }) => `There are ${copies} copies; at least ${copiesMin} are expected.`,
    disk_low: ({ freeBytes, freeBytesMin }, { size }) =>
      `${size(freeBytes)} are free; at least ${size(freeBytesMin)} are expected.`,
  },
  pt: {
    folder_missing: ({ folder, why }) => `A pasta ${folder} não existe, ou a máquina em que ela fica não responde (${why}).`,
    folder_unreadable: ({ folder, why }) => `A pasta ${folder} não pode ser lida (${why}).`,
    folder_silent: ({ folder, seconds }, { time }) => `A pasta ${folder} não respondeu em ${time(seconds)}.`,
    folder_too_large: ({ folder, entries }) =>
      `A pasta ${folder} contém mais de ${entries} itens: use uma pasta só para os backups.`,
    no_file: ({ folder, files }) => `Nenhum arquivo em ${folder} corresponde a ${files}.`,
    file_empty: ({ file }) => `${file} está vazio.`,
    too_old: ({ file, ageSeconds, allowedSeconds }, { time }) =>
      `${file} é o mais recente e tem ${time(ageSeconds)}; o máximo permitido é ${time(allowedSeconds)}.`,
    never_finished: ({ file, seconds }, { time }) =>
      `${file} ainda está sendo gravado, e há ${time(seconds)} nenhum backup é concluído.`,
    file_unreadable: ({ file, why }) => `${file} não pode ser lido (${why}).`,
    file_silent: ({ file, seconds }, { time }) => `A leitura de ${file} parou: nada chegou durante ${time(seconds)}.`,
    look_late: ({ folder, seconds }, { time }) => `A verificação de ${folder} foi abandonada: demorou mais de ${time(seconds)}.`,
    zip_encrypted: ({ file, entry }) =>
      `${file} não pode ser testado: ${entry}, dentro dele, está criptografado. Uma soma de verificação ou um comando pode comprová-lo.`,
    zip_unsupported: ({ file, why }) =>
      `${file} não pode ser testado (${why}). Uma soma de verificação ou um comando pode comprová-lo.`,
    no_archive: ({ file }) => `${file} não é zip nem gzip, portanto não pode ser testado como arquivo compactado.`,
    no_checksum: ({ file }) => `Não há soma de verificação junto de ${file}.`,
    checksum_malformed: ({ file, where }) => `${where} não contém a soma de verificação de ${file}.`,
    command_unusable: ({ file, why }) => `O comando que comprova ${file} não funcionou (${why}).`,
    command_late: ({ file, seconds }, { time }) => `O comando que comprova ${file} não terminou em ${time(seconds)}.`,
    zip_damaged: ({ file, entry, why }, { inside }) => `${file} é um zip danificado${inside(entry)}: ${why}.`,
    gzip_damaged: ({ file, why }) => `${file} é um gzip danificado: ${why}.`,
    checksum_differs: ({ file, where }) => `${file} não tem a soma de verificação que está em ${where}.`,
    command_refused: ({ file, code, why }, { inside }) => `O comando recusa ${file} com o código de saída ${code}${inside(why)}.`,
    file_small: ({ file, bytes, bytesMin }, { size }) => `${file} tem ${size(bytes)}; o mínimo esperado é ${size(bytesMin)}.`,
    file_shrunk: ({ file, bytes, usualBytes }, { size }) => `${file} tem ${size(bytes)}; o normal é ${size(usualBytes)}.`,
    few_copies: ({ copies, copiesMin }) => `Há ${copies} cópias; o mínimo esperado é ${copiesMin}.`,
    disk_low: ({ freeBytes, freeBytesMin }, { size }) =>
      `Restam ${size(freeBytes)} livres; o mínimo esperado é ${size(freeBytesMin)}.`,
  },
  it: {
    folder_missing: ({ folder, why }) => `La cartella ${folder} non c'è, o la macchina su cui si trova non risponde (${why}).`,
    folder_unreadable: ({ folder, why }) => `La cartella ${folder} non si può leggere (${why}).`,
    folder_silent: ({ folder, seconds }, { time }) => `La cartella ${folder} non ha risposto entro ${time(seconds)}.`,
    folder_too_large: ({ folder, entries }) =>
      `La cartella ${folder} contiene più di ${entries} elementi: serve una cartella riservata ai backup.`,
    no_file: ({ folder, files }) => `Nessun file in ${folder} corrisponde a ${files}.`,
    file_empty: ({ file }) => `${file} è vuoto.`,
    too_old: ({ file, ageSeconds, allowedSeconds }, { time }) =>
      `${file} è il più recente e ha ${time(ageSeconds)}; il massimo consentito è ${time(allowedSeconds)}.`,
    never_finished: ({ file, seconds }, { time }) =>
      `${file} è ancora in scrittura e nessun backup è stato completato da ${time(seconds)}.`,
    file_unreadable: ({ file, why }) => `${file} non si può leggere (${why}).`,
    file_silent: ({ file, seconds }, { time }) => `La lettura di ${file} si è fermata: per ${time(seconds)} non è arrivato nulla.`,
    look_late: ({ folder, seconds }, { time }) =>
      `Il controllo di ${folder} è stato interrotto: ha richiesto più di ${time(seconds)}.`,
    zip_encrypted: ({ file, entry }) =>
      `${file} non si può verificare: ${entry} al suo interno è cifrato. Può comprovarlo una somma di controllo o un comando.`,
    zip_unsupported: ({ file, why }) =>
      `${file} non si può verificare (${why}). Può comprovarlo una somma di controllo o un comando.`,
    no_archive: ({ file }) => `${file} non è né zip né gzip, quindi non si può verificare come archivio.`,
    no_checksum: ({ file }) => `Accanto a ${file} non c'è una somma di controllo.`,
    checksum_malformed: ({ file, where }) => `${where} non contiene la somma di controllo di ${file}.`,
    command_unusable: ({ file, why }) => `Il comando che comprova ${file} non ha funzionato (${why}).`,
    command_late: ({ file, seconds }, { time }) => `Il comando che comprova ${file} non è terminato entro ${time(seconds)}.`,
    zip_damaged: ({ file, entry, why }, { inside }) => `${file} è uno zip danneggiato${inside(entry)}: ${why}.`,
    gzip_damaged: ({ file, why }) => `${file} è un gzip danneggiato: ${why}.`,
    checksum_differs: ({ file, where }) => `${file} non ha la somma di controllo indicata in ${where}.`,
    command_refused: ({ file, code, why }, { inside }) => `Il comando rifiuta ${file} con codice di uscita ${code}${inside(why)}.`,
    file_small: ({ file, bytes, bytesMin }, { size }) => `${file} ha ${size(bytes)}; ne sono attesi almeno ${size(bytesMin)}.`,
    file_shrunk: ({ file, bytes, usualBytes }, { size }) => `${file} ha ${size(bytes)}; di solito sono ${size(usualBytes)}.`,
    few_copies: ({ copies, copiesMin }) => `Le copie sono ${copies}; ne sono attese almeno ${copiesMin}.`,
    disk_low: ({ freeBytes, freeBytesMin }, { size }) =>
      `Sono liberi ${size(freeBytes)}; ne sono attesi almeno ${size(freeBytesMin)}.`,
  },
};

export function findingText({ kind, values }: Finding, language: Language): string {
  const words: Words = {
    size: (bytes) => quantities[language].bytes(Number(bytes ?? 0)),
    time: (seconds) => durationText(Number(seconds ?? 0), language),
    inside: (entry) => (entry === undefined || entry === '' ? '' : ` (${entry})`),
  };
  // The system's own words end as they like.
  const why = typeof values.why === 'string' ? { why: values.why.trimEnd().replace(/\.$/, '') } : {};
  return sentences[language][kind]({ ...values, ...why }, words);
}

/** `2026-03-01 12:00 UTC`: the same for whoever reads it, wherever that is. */
export const timeText = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
