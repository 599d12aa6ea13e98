import { inLanguages } from '../language.js';
import { quantities } from '../output/quantity.js';

const { en, pt, it } = quantities;

/** Of `register` and `license`. */
export const customerMessages = inLanguages({
  en: {
    customer: 'customer',
    licence: 'licence',
    lastDay: 'last day',
    level: 'level',
    key: 'key',
    secret: 'secret',
    terminals: 'terminals',
    administrators: 'administrators',
    properties: 'properties',
    features: 'features',
    none: 'none',
    active: 'active',
    expired: 'expired',
    suspended: 'suspended',
    noLimit: 'no limit',
    atMost: (count: number) => `at most ${en.number(count)}`,
    daysLeft: (days: number) => `${en.count(days, 'day')} left`,
    levelWished: (level: string) => `${level} was asked for, and an operator can grant it`,
    shownOnce: 'The secret is not shown again. Keep both where only the updater reads them: in the environment as',
    shownOncePlaces: (key: string, secret: string) =>
      `${key} and ${secret}, or in one file each (mode 600), named by the same variables with _FILE.`,
    keptIn: (path: string) =>
      `Key and secret are in ${path}, which only you can read, as lines of an environment file: EnvironmentFile= of`,
    keptInUse: (path: string) => `systemd takes it, and a shell by "set -a; . ${path}; set +a". They are not told again.`,
    codeMailed: (email: string) => `A code was sent to ${email}. With key and secret in the environment,`,
    codeMailedUse: 'remendo register --confirm CODE tells the server that the address is yours; until then it gets no other mail.',
    confirmed: 'The mail address is confirmed: notifications go there from now on.',
    codeSent: 'A code is on its way to your mail address: remendo register --confirm CODE tells it to the server.',
    codeNotSent: 'No code was sent: the address had one in the last day, or this server sends no mail.',
  },
  pt: {
    customer: 'cliente',
    licence: 'licença',
    lastDay: 'último dia',
    level: 'nível',
    key: 'chave',
    secret: 'segredo',
    terminals: 'terminais',
    administrators: 'administradores',
    properties: 'imóveis',
    features: 'recursos',
    none: 'nenhum',
    active: 'ativa',
    expired: 'vencida',
    suspended: 'suspensa',
    noLimit: 'sem limite',
    atMost: (count) => `no máximo ${pt.number(count)}`,
    daysLeft: (days) => (days === 1 ? 'falta 1 dia' : `faltam ${pt.count(days, 'dia')}`),
    levelWished: (level) => `foi pedido ${level}, que um operador pode conceder`,
    shownOnce: 'O segredo não é mostrado de novo. Guarde os dois onde só o atualizador os lê: no ambiente, como',
    shownOncePlaces: (key, secret) =>
      `${key} e ${secret}, ou em um arquivo para cada um (modo 600), indicado pela mesma variável com _FILE.`,
    keptIn: (path) =>
      `A chave e o segredo estão em ${path}, que só você pode ler, como linhas de um arquivo de ambiente: EnvironmentFile= do`,
    keptInUse: (path) => `systemd o aceita, e um shell com "set -a; . ${path}; set +a". Eles não são informados de novo.`,
    codeMailed: (email) => `Um código foi enviado para ${email}. Com a chave e o segredo no ambiente,`,
    codeMailedUse: 'remendo register --confirm CÓDIGO diz ao servidor que o endereço é seu; até lá ele não recebe outro e-mail.',
    confirmed: 'O endereço de e-mail está confirmado: a partir de agora as notificações vão para lá.',
    codeSent: 'Um código está a caminho do seu e-mail: remendo register --confirm CÓDIGO o informa ao servidor.',
    codeNotSent: 'Nenhum código foi enviado: o endereço recebeu um no último dia, ou este servidor não envia e-mail.',
  },
  it: {
    customer: 'cliente',
    licence: 'licenza',
    lastDay: 'ultimo giorno',
    level: 'livello',
    key: 'chiave',
    secret: 'segreto',
    terminals: 'terminali',
    administrators: 'amministratori',
    properties: 'stabili',
    features: 'funzioni',
    none: 'nessuna',
    active: 'attiva',
    expired: 'scaduta',
    suspended: 'sospesa',
    noLimit: 'senza limite',
    atMost: (count) => `al massimo ${it.number(count)}`,
    daysLeft: (days) => (days === 1 ? 'manca 1 giorno' : `mancano ${it.count(days, 'giorno', 'giorni')}`),
    levelWished: (level) => `è stato chiesto ${level}, che un operatore può concedere`,
    shownOnce:
      "Il segreto non viene mostrato un'altra volta. Conservare entrambi dove li legge solo l'aggiornatore: nell'ambiente come",
    shownOncePlaces: (key, secret) =>
      `${key} e ${secret}, oppure in un file ciascuno (modo 600), indicato dalla stessa variabile con _FILE.`,
    keptIn: (path) =>
      `Chiave e segreto sono in ${path}, che solo voi potete leggere, come righe di un file d'ambiente: EnvironmentFile= di`,
    keptInUse: (path) => `systemd lo prende, e una shell con "set -a; . ${path}; set +a". Non vengono comunicati un'altra volta.`,
    codeMailed: (email) => `Un codice è stato inviato a ${email}. Con chiave e segreto nell'ambiente,`,
    codeMailedUse:
      "remendo register --confirm CODICE dice al server che l'indirizzo è vostro; fino ad allora non riceve altra posta.",
    confirmed: "L'indirizzo di posta è confermato: da adesso le notifiche vanno lì.",
    codeSent: 'Un codice è in viaggio verso il vostro indirizzo: remendo register --confirm CODICE lo comunica al server.',
    codeNotSent:
      "Non è stato inviato nessun codice: l'indirizzo ne ha avuto uno nell'ultimo giorno, o questo server non manda posta.",
  },
});
