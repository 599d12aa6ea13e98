import { describe, expect, it } from 'vitest';
import { languages } from '../language.js';
import { momentText } from '../output/duration.js';
import type { InstallStatus } from './read-status.js';
import { statusLines } from './status-lines.js';

const state = {
  format: 'remendo-state-1',
  application: 'erp',
  platform: 'win-x64',
  version: '1.0.1',
  manifestDigest: '0'.repeat(64),
  channel: 'stable',
  terminalId: '0123456789',
} as const;
const time = Date.UTC(2026, 10, 22, 10, 0);

const status: InstallStatus = {
  root: 'C:\\sistema\\bin',
  installed: { version: { version: '1.0.1' }, state: state as never, manifest: null, blocked: ['1.0.2', '1.0.3'], floor: null },
  enrolledAs: 'trm_0123456789012345678901',
  lastCheck: { askedAtMs: time, found: { kind: 'not-offered', installed: '1.0.1', reason: 'paused' } },
  last: {
    id: 'tx',
    state: 'committed',
    base: { version: '1.0.0', manifestDigest: '0'.repeat(64) },
    target: { version: '1.0.1', manifestDigest: '0'.repeat(64) },
    starts: 0,
    reason: null,
    heldBecause: null,
  } as never,
  agent: { service: { name: 'remendo-bin-1234', state: 'stopped' }, lastRunMs: time, preparedVersion: '1.0.4' },
  backups: [{ job: 'banco', sinceMs: time, results: [{ state: 'stale' }] } as never],
  trust: { kind: 'signed', hasRoot: true, rootVersion: 3, newestSignedAtMs: time } as never,
};

describe('the lines of a status', () => {
  it('tell everything that is known, in the language of the person', () => {
    expect(statusLines(status, 'pt').join('\n')).toBe(`pasta                 C:\\sistema\\bin
versão                1.0.1
aplicativo            erp (win-x64), canal stable
manifesto             ausente ou de outra versão
terminal              trm_0123456789012345678901
última consulta       ${momentText('pt', time)}, nada foi oferecido
baixada               1.0.4, espera para ser posta no lugar
não tentadas de novo  1.0.2, 1.0.3
última atualização    1.0.0 → 1.0.1: no lugar, ainda precisa se mostrar saudável
agente                configurado como remendo-bin-1234, mas não está rodando
último trabalho       ${momentText('pt', time)}
backup banco          o backup está velho demais, desde ${momentText('pt', time)}
confiança             raiz 3, assinatura mais nova de ${momentText('pt', time)}`);
  });

  it('say that an update is held in maintenance mode, and what has to be installed at least', () => {
    const held = { ...status.last, heldBecause: 'migrate failed' } as never;
    const lines = statusLines({ ...status, last: held, installed: { ...status.installed, floor: '1.0.4' } }, 'en');
    expect(lines).toContain('last update      1.0.0 → 1.0.1: in place, in maintenance mode (migrate failed)');
    expect(lines).toContain('mandatory        at least 1.0.4');
  });

  it('leave out what there is nothing to tell of, and say that a terminal is not enrolled', () => {
    const bare: InstallStatus = {
      ...status,
      ...{ enrolledAs: null, lastCheck: null, last: null, backups: [] },
      agent: { service: null, lastRunMs: null, preparedVersion: null },
    };
    for (const language of languages) expect(statusLines(bare, language)).toHaveLength(8);
    expect(statusLines(bare, 'it')).toContain('terminale      0123456789, non iscritto');
  });
});
