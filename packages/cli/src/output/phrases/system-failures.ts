/** What the system calls by a code (`ENOSPC: no space left on device, write`), in words. */
import type { Language } from '../../language.js';

type Words = Readonly<Record<Exclude<Language, 'en'>, string>>;

const failures: Readonly<Record<string, Words>> = {
  EACCES: { pt: 'sem permissão', it: 'permesso negato' },
  EPERM: { pt: 'operação não permitida', it: 'operazione non permessa' },
  EBUSY: { pt: 'em uso por outro programa', it: 'in uso da un altro programma' },
  EEXIST: { pt: 'já existe', it: 'esiste già' },
  EISDIR: { pt: 'é uma pasta', it: 'è una cartella' },
  EIO: { pt: 'o disco não pôde ser lido ou gravado', it: 'il disco non si è potuto leggere o scrivere' },
  EMFILE: { pt: 'há arquivos demais abertos', it: 'ci sono troppi file aperti' },
  ENOENT: { pt: 'não existe', it: 'non esiste' },
  ENOEXEC: { pt: 'não é um programa que rode aqui', it: 'non è un programma che giri qui' },
  ENOSPC: { pt: 'não há espaço livre no disco', it: "non c'è spazio libero sul disco" },
  ENOTDIR: { pt: 'não é uma pasta', it: 'non è una cartella' },
  ENOTEMPTY: { pt: 'a pasta não está vazia', it: 'la cartella non è vuota' },
  EROFS: { pt: 'o disco é somente leitura', it: 'il disco è di sola lettura' },
  ETXTBSY: { pt: 'o programa está em execução', it: 'il programma è in esecuzione' },
  EADDRINUSE: { pt: 'a porta já está em uso', it: 'la porta è già in uso' },
  EAI_AGAIN: { pt: 'o nome não pôde ser resolvido agora', it: 'il nome non si è potuto risolvere ora' },
  ECONNREFUSED: { pt: 'conexão recusada', it: 'connessione rifiutata' },
  ECONNRESET: { pt: 'a conexão foi cortada', it: 'la connessione è caduta' },
  EHOSTUNREACH: { pt: 'a máquina não pode ser alcançada', it: 'la macchina non è raggiungibile' },
  ENETUNREACH: { pt: 'a rede não pode ser alcançada', it: 'la rete non è raggiungibile' },
  ENOTFOUND: { pt: 'o nome não existe na rede', it: 'il nome non esiste nella rete' },
  EPIPE: { pt: 'a conexão foi cortada', it: 'la connessione è caduta' },
  ETIMEDOUT: { pt: 'não houve resposta a tempo', it: 'non è arrivata risposta in tempo' },
  CERT_HAS_EXPIRED: { pt: 'o certificado do servidor venceu', it: 'il certificato del server è scaduto' },
  DEPTH_ZERO_SELF_SIGNED_CERT: { pt: 'o certificado do servidor é autoassinado', it: 'il certificato del server è autofirmato' },
};

/** With the code, and with what it speaks about where that stands in quotes or at the end; null where there is none. */
export function systemFailure(text: string, language: Language): string | null {
  const code = /\b(E[A-Z_]{3,}|CERT_HAS_EXPIRED|DEPTH_ZERO_SELF_SIGNED_CERT)\b/.exec(text)?.[1] ?? '';
  if (language === 'en' || !Object.hasOwn(failures, code)) return null;
  const about = /'([^']+)'$/.exec(text)?.[1] ?? new RegExp(`${code} (\\S+)$`).exec(text)?.[1] ?? /^spawn (.+) E/.exec(text)?.[1];
  const known = about === undefined ? code : `${about}, ${code}`;
  return `${failures[code]?.[language]} (${known})`;
}
