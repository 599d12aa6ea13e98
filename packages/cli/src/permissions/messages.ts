import { inLanguages } from '../language.js';

export const permissionMessages = inLanguages({
  en: {
    unknown: (root: string, why: string) => `who can write to ${root} can not be told: ${why}`,
    othersCanWrite: (places: string) =>
      `others can change what is installed, and with it what is run: ${places}; remendo setup takes that away where it may`,
    more: (count: number) => `${count} more`,
  },
  pt: {
    unknown: (root, why) => `não é possível saber quem pode escrever em ${root}: ${why}`,
    othersCanWrite: (places) =>
      `outros podem mudar o que está instalado e, com isso, o que é executado: ${places}; remendo setup tira esse direito onde pode`,
    more: (count) => `mais ${count}`,
  },
  it: {
    unknown: (root, why) => `non si riesce a stabilire chi può scrivere in ${root}: ${why}`,
    othersCanWrite: (places) =>
      `altri possono cambiare ciò che è installato, e quindi ciò che viene eseguito: ${places}; remendo setup toglie questo diritto dove può`,
    more: (count) => `altri ${count}`,
  },
});
