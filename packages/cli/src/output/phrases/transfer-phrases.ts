/** What went wrong between this machine and the server, a relay or a bundle, and what the server said. */
import type { Phrase } from './phrase.js';

export const transferPhrases: readonly Phrase[] = [
  { en: 'There was no answer from {server}', pt: 'não houve resposta de {server}', it: '{server} non ha risposto' },
  {
    en: '{server} did not answer within {timeMs} ms',
    pt: '{server} não respondeu em {timeMs}',
    it: '{server} non ha risposto entro {timeMs}',
  },
  {
    en: 'the server did not answer within {timeMs} ms',
    pt: 'o servidor não respondeu em {timeMs}',
    it: 'il server non ha risposto entro {timeMs}',
  },
  {
    en: 'the download did not end within {timeMs} ms; the next start goes on with it',
    pt: 'o download não terminou em {timeMs}; o próximo início continua de onde parou',
    it: 'il download non è finito entro {timeMs}; il prossimo avvio lo prosegue',
  },
  { en: 'fetch failed', pt: 'a conexão falhou', it: 'la connessione non è riuscita' },
  {
    en: 'The server answered {status}: {detail}',
    pt: 'o servidor respondeu {status}: {detail}',
    it: 'il server ha risposto {status}: {detail}',
  },
  { en: 'The server answered {status}', pt: 'o servidor respondeu {status}', it: 'il server ha risposto {status}' },
  {
    en: '{server} is plain http to another machine',
    pt: '{server} é http sem cifra para outra máquina',
    it: "{server} è http in chiaro verso un'altra macchina",
  },
  {
    en: 'The server address is not an http or https address',
    pt: 'o endereço do servidor não é http nem https',
    it: "l'indirizzo del server non è http né https",
  },
  {
    en: 'The transfer of an object kept breaking off',
    pt: 'a transferência caiu repetidas vezes',
    it: 'il trasferimento si è interrotto più volte',
  },
  { en: 'No source gave the object', pt: 'nenhuma fonte forneceu o objeto', it: "nessuna fonte ha dato l'oggetto" },
  {
    en: 'A redirect is not followed: {why}',
    pt: 'um redirecionamento não foi seguido: {why}',
    it: 'un reindirizzamento non è stato seguito: {why}',
  },
  {
    en: 'a downloaded file does not hold the bytes that were announced',
    pt: 'um arquivo baixado não tem os bytes anunciados',
    it: 'un file scaricato non contiene i byte annunciati',
  },
  {
    en: 'an object of the bundle is damaged',
    pt: 'um objeto do pacote está danificado',
    it: 'un oggetto del pacchetto è danneggiato',
  },
  { en: 'there is no bundle in {folder}', pt: 'não há pacote em {folder}', it: "in {folder} non c'è un pacchetto" },
  {
    en: "{folder} is a file: name the bundle's folder, unpacked when it is in an archive",
    pt: '{folder} é um arquivo: informe a pasta do pacote, extraída se ela veio compactada',
    it: '{folder} è un file: indicare la cartella del pacchetto, estratta se sta in un archivio',
  },
  {
    en: '{path} is no folder: take it away',
    pt: '{path} não é uma pasta: retire-o dali',
    it: '{path} non è una cartella: toglierlo',
  },
  {
    en: 'the bundle has nothing of {name} {asked}, but of {held}',
    pt: 'o pacote não tem nada de {name} {asked}, e sim de {held}',
    it: 'il pacchetto non ha nulla di {name} {asked}, ma di {held}',
  },
  {
    en: 'the bundle holds {application} {held} for {platform}, not {version}',
    pt: 'o pacote traz {application} {held} para {platform}, e não a {version}',
    it: 'il pacchetto contiene {application} {held} per {platform}, non la {version}',
  },
  {
    en: 'the bundle has no way to {version} for this install',
    pt: 'o pacote não tem como levar esta instalação à {version}',
    it: 'il pacchetto non ha modo di portare questa installazione alla {version}',
  },
  { en: 'the bundle can not be used: {why}', pt: 'o pacote não pode ser usado: {why}', it: 'il pacchetto non si può usare: {why}' },
  {
    en: 'the bundle expired {day} and has to be made again',
    pt: 'o pacote venceu em {day} e precisa ser feito de novo',
    it: 'il pacchetto è scaduto il {day} e va rifatto',
  },
  {
    en: 'the bundle is not signed by who may make bundles',
    pt: 'o pacote não foi assinado por quem pode fazer pacotes',
    it: 'il pacchetto non è firmato da chi può fare pacchetti',
  },
  // What the server says.
  {
    en: 'there is no application {application}',
    pt: 'não existe o aplicativo {application}',
    it: "l'applicazione {application} non esiste",
  },
  {
    en: 'no application has been published yet',
    pt: 'nenhum aplicativo foi publicado ainda',
    it: 'non è stata ancora pubblicata nessuna applicazione',
  },
  {
    en: '{application} {version} is not published for {platform}',
    pt: '{application} {version} não foi publicada para {platform}',
    it: '{application} {version} non è pubblicata per {platform}',
  },
  {
    en: '{application} has no release for {platform} in this channel',
    pt: '{application} não tem versão para {platform} neste canal',
    it: '{application} non ha versioni per {platform} in questo canale',
  },
  {
    en: '{application} is for customers: a key and secret are needed',
    pt: '{application} é para clientes: são necessários chave e segredo',
    it: '{application} è per i clienti: servono chiave e segreto',
  },
  { en: 'the release was withdrawn', pt: 'a versão foi retirada', it: 'la versione è stata ritirata' },
  {
    en: 'the release was withdrawn and its files are gone',
    pt: 'a versão foi retirada, e os arquivos dela não existem mais',
    it: 'la versione è stata ritirata, e i suoi file non ci sono più',
  },
  { en: 'the rollout was halted', pt: 'a distribuição foi interrompida', it: 'la distribuzione è stata fermata' },
  { en: 'the credentials are not valid', pt: 'as credenciais não valem', it: 'le credenziali non sono valide' },
  {
    en: "this needs a customer's key and secret",
    pt: 'são necessários a chave e o segredo de um cliente',
    it: 'servono la chiave e il segreto di un cliente',
  },
  { en: 'try again in {seconds} s', pt: 'tente de novo em {seconds} s', it: 'riprovare tra {seconds} s' },
  {
    en: 'nobody can register on this server',
    pt: 'ninguém pode se cadastrar neste servidor',
    it: 'su questo server non ci si può registrare',
  },
  {
    en: 'registering needs an invitation that is good and was not used',
    pt: 'para se cadastrar é preciso um convite válido e ainda não usado',
    it: 'per registrarsi serve un invito valido e non ancora usato',
  },
  {
    en: 'this is not the code that was sent last, or it is too old',
    pt: 'este não é o último código enviado, ou ele já venceu',
    it: "questo non è l'ultimo codice inviato, oppure è troppo vecchio",
  },
  {
    en: 'requests from {address} are not allowed for this customer',
    pt: 'este cliente não aceita pedidos de {address}',
    it: 'questo cliente non ammette richieste da {address}',
  },
  {
    en: 'the licence allows {count} terminals, and so many are enrolled',
    pt: 'a licença permite {count} terminais, e todos já estão cadastrados',
    it: 'la licenza ammette {count} terminali, e sono già tutti iscritti',
  },
  // Signed metadata.
  {
    en: 'no root of trust was shipped with this install: `remendo setup --trust-root` puts one there',
    pt: 'nenhuma raiz de confiança veio com esta instalação: `remendo setup --trust-root` põe uma ali',
    it: 'con questa installazione non è arrivata una radice di fiducia: `remendo setup --trust-root` ne mette una',
  },
  {
    en: 'the server has no signed metadata',
    pt: 'o servidor não tem metadados assinados',
    it: 'il server non ha metadati firmati',
  },
  {
    en: 'no trusted key signed {application} {version} for {platform}',
    pt: 'nenhuma chave de confiança assinou {application} {version} para {platform}',
    it: 'nessuna chiave fidata ha firmato {application} {version} per {platform}',
  },
  {
    en: 'the metadata is older than what this terminal has seen',
    pt: 'os metadados são mais antigos do que os que este terminal já viu',
    it: 'i metadati sono più vecchi di quelli già visti da questo terminale',
  },
];
