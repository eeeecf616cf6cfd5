import { describe, expect, it } from 'vitest';
import { autoProblem } from '../../src/job/auto-script.ts';
import { completeJob } from '../../src/job/complete-job.ts';
import { requiredOf } from '../../src/job/match-runner.ts';
import { parseJob } from '../../src/job/parse-job.ts';
import { policyFindings } from '../../src/job/policy.ts';
import { parseSettings } from '../../src/job/settings.ts';

const PATH = 'jobs/queue/2025-11-22-001.json';
const BRIEF = {
  id: '2025-11-22-001',
  kind: 'codex',
  workdir: '/workspace/vpm-mini',
  prompt: 'Mend the flaky test.\nTouch only tests/.',
  dod: 'exit_code == 0',
  report_path: 'reports/jobs/2025-11-22-001.out',
};
const parse = (change: object) => parseJob(JSON.stringify({ ...BRIEF, ...change }), { path: PATH });
const messages = (change: object) => {
  const parsed = parse(change);
  return parsed.ok ? [] : parsed.findings.map(({ message }) => message);
};
function findings(yaml: string, change: object): string[] {
  const parsed = parse(change);
  const settings = parseSettings(yaml);
  if (!parsed.ok || !settings.ok) throw new Error(JSON.stringify([parsed, settings]));
  return policyFindings(parsed.job, parsed.text, PATH, settings.settings).map(
    ({ rule, severity, field }) => `${rule} ${severity} ${field}`,
  );
}

describe('a codex job', () => {
  it('needs six fields and has the careful sandbox', () => {
    expect(parse({})).toMatchObject({ ok: true, job: { sandbox: 'workspace-write', timeout_minutes: 30 } });
  });

  it.each([
    ['no prompt', { prompt: undefined }, '`prompt` is missing'],
    ['a blank one', { prompt: ' \n' }, '`prompt` is blank'],
    ['a script', { script: ['ls'] }, '`script` is not a known field'],
    ['another sandbox', { sandbox: 'none' }, 'use "read-only", "workspace-write" or "danger-full-access"'],
    ['a model that is an option', { model: '--full-auto' }, '`model` is "--full-auto": use the name'],
    ['no network without a sandbox', { sandbox: 'danger-full-access', network: 'off' }, '`network` is "off"'],
  ])('is refused with %s', (_, change, message) => {
    expect(messages(change).join('\n')).toContain(message);
  });

  it('runs only where the Codex CLI was proved, and keeps itself from the network', () => {
    expect(requiredOf({ kind: 'codex', network: 'off', requires: ['git'] })).toEqual(['git', 'codex']);
    expect(requiredOf({ kind: 'run_shell', network: 'off' })).toEqual(['sandbox']);
  });

  it('is subject to the policy', () => {
    expect(findings('jobs:\n  kinds: [run_shell]\n', {})).toEqual(['policy/kind failure kind']);
    expect(findings('', { sandbox: 'danger-full-access' })).toEqual([
      'policy/agent-full-access warning sandbox',
    ]);
    expect(findings('rules:\n  agent-full-access: deny\n', { sandbox: 'danger-full-access' })).toEqual([
      'policy/agent-full-access failure sandbox',
    ]);
    expect(findings('', { prompt: 'read this\u200b\nand postgres://me:hunter2@db/x' })).toEqual([
      'policy/hidden-character failure prompt',
      'policy/password warning prompt',
    ]);
  });

  it('always waits for a click', () => {
    const parsed = parse({ effect: 'read' });
    const settings = parseSettings('policy: solo\ndefaults:\n  workdir: /workspace/vpm-mini\n');
    if (!parsed.ok) throw new Error('invalid');
    expect(autoProblem(parsed.job, settings.settings)).toMatch(/agent/);
  });

  it('is completed from the defaults, and its file says everything', () => {
    const completed = completeJob(
      { kind: 'codex', prompt: 'Mend it.' },
      { id: '2025-11-22-001', defaults: { workdir: '/workspace/app', runs_on: ['mac', 'devbox'] } },
    );
    if (!completed.ok) throw new Error(JSON.stringify(completed.errors));
    expect(Object.entries(JSON.parse(completed.text))).toEqual([
      ['id', '2025-11-22-001'],
      ['kind', 'codex'],
      ['workdir', '/workspace/app'],
      ['prompt', 'Mend it.'],
      ['sandbox', 'workspace-write'],
      ['dod', 'exit_code == 0'],
      ['report_path', 'reports/jobs/2025-11-22-001.out'],
      ['runs_on', ['mac', 'devbox']],
      ['timeout_minutes', 30],
    ]);
  });
});
