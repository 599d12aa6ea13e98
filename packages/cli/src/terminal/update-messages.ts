import { inLanguages } from '../language.js';
import { quantities } from '../output/quantity.js';

const { en, pt, it } = quantities;

/** What is told while an update runs, and what came of it: `install` and `launch`. */
export const updateMessages = inLanguages({
  en: {
    // Steps, as they begin.
    checking: 'Checking',
    downloading: 'Downloading',
    buildingFiles: 'Building files',
    verifying: 'Verifying',
    swapping: 'Swapping',
    rollingBack: 'Rolling back',
    undoing: (step: string) => `Undoing ${step}`,
    // Remarks.
    recovered: (what: string) => `recovered: ${what}`,
    discarded: 'an update that had not been put in place was given up',
    staged: 'an update is ready to be put in place',
    'rolled-forward': 'an update that was cut short has been finished',
    'rolled-back': 'an update that was cut short has been undone',
    committed: 'an update is in place and still has to prove itself',
    rootTaken: (keys: string) =>
      `no root of trust was shipped with this machine: the server's was taken, and is the only one from now on (keys ${keys})`,
    recognised: (version: string, matched: number, files: number) =>
      `the install was recognised as ${version} by ${en.number(matched)} of ${en.count(files, 'file')}`,
    keyWithoutName: 'a key without a name',
    signedBy: (who: string, fingerprint: string, day: string) =>
      `signed by ${who} (${fingerprint}) on ${day}; that covers the full zip only, so no deltas were used`,
    healed: (path: string, bytes: number, reason: string) => `${path} was fetched whole (${en.bytes(bytes)}): ${reason}`,
    planFailed: (label: string, reason: string, next: string) =>
      `the plan "${label}" did not work out (${reason}); going on with "${next}"`,
    stepFailed: (step: string) => `the step ${step} failed`,
    stepUndone: (step: string) => `the step ${step} was undone`,
    stepNotUndone: (step: string) => `the step ${step} could not be undone`,
    updateHeld: (version: string) =>
      `${version} stays in maintenance mode: the version before does not understand the data any more. remendo install --retry goes on with it, remendo rollback goes back all the same`,
    // The table of plans.
    plan: 'plan',
    toFetch: 'to fetch',
    cost: 'cost',
    chosen: (requests: number) => `chosen, ${en.count(requests, 'request')}`,
    sameCost: 'the same cost',
    dearer: (bytes: number) => `${en.bytes(bytes)} dearer`,
    morePlans: (count: number) => `… and ${en.count(count, 'more plan')} that lost`,
    // What came of it.
    stepOnTheWay: (version: string, final: string) => `${version} is a step on the way to ${final}`,
    newInstall: 'a new install',
    updated: (base: string, version: string, files: number, bytes: number) =>
      `Updated: ${base} → ${version}, ${en.count(files, 'file')} changed, ${en.bytes(bytes)} fetched.`,
    notHealthy: (version: string, reason: string) => `Rolled back: ${version} did not prove healthy (${reason})`,
    nothingLeft: (failure: string) => `${failure}; nothing is installed.`,
    baseLeft: (failure: string, base: string, version: string) =>
      `${failure}; ${base} is installed, and ${version} is not tried again by itself.`,
    downloaded: (version: string, bytes: number) =>
      `Downloaded: ${version} is ready, ${en.bytes(bytes)} fetched; remendo install puts it in place.`,
    declined: 'Nothing was done.',
    finished: (version: string) => `Recovered: the update to ${version} that had been cut short is in place.`,
    // Starting the application.
    withoutUpdate: (why: string) => `starting without an update: ${why}`,
    withoutProof: (why: string) => `starting what is installed, without proof that it is healthy: ${why}`,
    confirmFailed: (version: string, why: string) =>
      `${version} is healthy, but that could not be written down (${why}); the next start proves it again`,
    updating: (base: string, version: string) => `updating ${base} to ${version}`,
    nothing: 'nothing',
    rolledBackAtStart: (version: string, reason: string, base: string) =>
      `${version} did not prove healthy (${reason}) and was rolled back; starting ${base}`,
    whatIsThere: 'what is there',
  },
  pt: {
    checking: 'Consultando',
    downloading: 'Baixando',
    buildingFiles: 'Montando arquivos',
    verifying: 'Verificando',
    swapping: 'Trocando',
    rollingBack: 'Voltando',
    undoing: (step) => `Desfazendo ${step}`,
    recovered: (what) => `recuperação: ${what}`,
    discarded: 'uma atualização que ainda não estava no lugar foi abandonada',
    staged: 'uma atualização está pronta para ser posta no lugar',
    'rolled-forward': 'uma atualização interrompida foi concluída',
    'rolled-back': 'uma atualização interrompida foi desfeita',
    committed: 'uma atualização está no lugar e ainda precisa se provar',
    rootTaken: (keys) =>
      `nenhuma raiz de confiança veio com esta máquina: a do servidor foi aceita e é a única a partir de agora (chaves ${keys})`,
    recognised: (version, matched, files) =>
      `a instalação foi reconhecida como ${version} por ${pt.number(matched)} de ${pt.count(files, 'arquivo')}`,
    keyWithoutName: 'uma chave sem nome',
    signedBy: (who, fingerprint, day) =>
      `assinada por ${who} (${fingerprint}) em ${day}; isso cobre apenas o zip completo, por isso nenhum delta foi usado`,
    healed: (path, bytes, reason) => `${path} foi baixado inteiro (${pt.bytes(bytes)}): ${reason}`,
    planFailed: (label, reason, next) => `o plano "${label}" não deu certo (${reason}); seguindo com "${next}"`,
    stepFailed: (step) => `a etapa ${step} falhou`,
    stepUndone: (step) => `a etapa ${step} foi desfeita`,
    stepNotUndone: (step) => `a etapa ${step} não pôde ser desfeita`,
    updateHeld: (version) =>
      `${version} fica em manutenção: a versão anterior não entende mais os dados. remendo install --retry continua com ela, remendo rollback volta mesmo assim`,
    plan: 'plano',
    toFetch: 'a baixar',
    cost: 'custo',
    chosen: (requests) => `escolhido, ${pt.count(requests, 'pedido')}`,
    sameCost: 'o mesmo custo',
    dearer: (bytes) => `${pt.bytes(bytes)} mais caro`,
    morePlans: (count) => `… e mais ${pt.count(count, 'plano')} que ${count === 1 ? 'perdeu' : 'perderam'}`,
    stepOnTheWay: (version, final) => `${version} é uma etapa no caminho para ${final}`,
    newInstall: 'instalação nova',
    updated: (base, version, files, bytes) =>
      `Atualizado: ${base} → ${version}, ${pt.count(files, 'arquivo alterado', 'arquivos alterados')}, ${pt.bytes(bytes)} baixados.`,
    notHealthy: (version, reason) => `Versão desfeita: ${version} não se mostrou saudável (${reason})`,
    nothingLeft: (failure) => `${failure}; nada está instalado.`,
    baseLeft: (failure, base, version) => `${failure}; ${base} está instalada, e ${version} não é tentada de novo sozinha.`,
    downloaded: (version, bytes) => `Baixado: ${version} está pronta, ${pt.bytes(bytes)} baixados; remendo install a põe no lugar.`,
    declined: 'Nada foi feito.',
    finished: (version) => `Recuperado: a atualização para ${version}, que tinha sido interrompida, está no lugar.`,
    withoutUpdate: (why) => `iniciando sem atualizar: ${why}`,
    withoutProof: (why) => `iniciando o que está instalado, sem prova de que está saudável: ${why}`,
    confirmFailed: (version, why) =>
      `${version} está saudável, mas não foi possível registrar isso (${why}); o próximo início a prova de novo`,
    updating: (base, version) => `atualizando de ${base} para ${version}`,
    nothing: 'nada',
    rolledBackAtStart: (version, reason, base) =>
      `${version} não se mostrou saudável (${reason}) e foi desfeita; iniciando ${base}`,
    whatIsThere: 'o que está lá',
  },
  it: {
    checking: 'Controllo',
    downloading: 'Scaricamento',
    buildingFiles: 'Composizione file',
    verifying: 'Verifica',
    swapping: 'Scambio',
    rollingBack: 'Ritorno indietro',
    undoing: (step) => `Annullamento di ${step}`,
    recovered: (what) => `ripristino: ${what}`,
    discarded: 'un aggiornamento non ancora al suo posto è stato abbandonato',
    staged: 'un aggiornamento è pronto per essere messo al suo posto',
    'rolled-forward': 'un aggiornamento interrotto è stato portato a termine',
    'rolled-back': 'un aggiornamento interrotto è stato annullato',
    committed: 'un aggiornamento è al suo posto e deve ancora dare prova di sé',
    rootTaken: (keys) =>
      `con questa macchina non è arrivata una radice di fiducia: è stata presa quella del server, e da adesso vale solo quella (chiavi ${keys})`,
    recognised: (version, matched, files) =>
      `l'installazione è stata riconosciuta come ${version} da ${it.number(matched)} su ${it.count(files, 'file', 'file')}`,
    keyWithoutName: 'una chiave senza nome',
    signedBy: (who, fingerprint, day) =>
      `firmata da ${who} (${fingerprint}) il ${day}; la firma copre solo lo zip completo, perciò non si sono usati delta`,
    healed: (path, bytes, reason) => `${path} è stato scaricato intero (${it.bytes(bytes)}): ${reason}`,
    planFailed: (label, reason, next) => `il piano "${label}" non è riuscito (${reason}); si prosegue con "${next}"`,
    stepFailed: (step) => `il passo ${step} non è riuscito`,
    stepUndone: (step) => `il passo ${step} è stato annullato`,
    stepNotUndone: (step) => `il passo ${step} non si è potuto annullare`,
    updateHeld: (version) =>
      `la ${version} resta in manutenzione: la versione di prima non capisce più i dati. remendo install --retry prosegue con questa, remendo rollback torna indietro lo stesso`,
    plan: 'piano',
    toFetch: 'da scaricare',
    cost: 'costo',
    chosen: (requests) => `scelto, ${it.count(requests, 'richiesta', 'richieste')}`,
    sameCost: 'lo stesso costo',
    dearer: (bytes) => `${it.bytes(bytes)} in più`,
    morePlans: (count) => `… e ${it.count(count, 'altro piano scartato', 'altri piani scartati')}`,
    stepOnTheWay: (version, final) => `la ${version} è una tappa verso la ${final}`,
    newInstall: 'nuova installazione',
    updated: (base, version, files, bytes) =>
      `Aggiornato: ${base} → ${version}, ${it.count(files, 'file cambiato', 'file cambiati')}, ${it.bytes(bytes)} scaricati.`,
    notHealthy: (version, reason) => `Versione annullata: la ${version} non si è dimostrata sana (${reason})`,
    nothingLeft: (failure) => `${failure}; non è installato nulla.`,
    baseLeft: (failure, base, version) => `${failure}; è installata la ${base}, e la ${version} non viene ritentata da sola.`,
    downloaded: (version, bytes) =>
      `Scaricato: la ${version} è pronta, ${it.bytes(bytes)} scaricati; remendo install la mette al suo posto.`,
    declined: 'Non è stato fatto nulla.',
    finished: (version) => `Ripristinato: l'aggiornamento alla ${version}, che era stato interrotto, è al suo posto.`,
    withoutUpdate: (why) => `avvio senza aggiornare: ${why}`,
    withoutProof: (why) => `si avvia quello che è installato, senza prova che sia sano: ${why}`,
    confirmFailed: (version, why) =>
      `la ${version} è sana, ma non si è potuto registrarlo (${why}); il prossimo avvio la mette di nuovo alla prova`,
    updating: (base, version) => `aggiornamento da ${base} a ${version}`,
    nothing: 'nulla',
    rolledBackAtStart: (version, reason, base) =>
      `la ${version} non si è dimostrata sana (${reason}) ed è stata annullata; si avvia ${base}`,
    whatIsThere: "quello che c'è",
  },
});

export type UpdateMessages = ReturnType<typeof updateMessages>;
