import { execFile } from 'node:child_process';
import { type Environment, jobEnvironment } from '../job-environment.ts';

/** Installed by npm, a cold start takes a second. */
const LIMIT_MS = 20_000;

export type CodexProbe = { ok: true; version: string } | { ok: false; why: string | null };

/**
 * Whether the Codex CLI works here: it is asked for its version with the environment a job would have. `why` is null
 * where there is none.
 */
export function probeCodex(environment: Environment): Promise<CodexProbe> {
  const given = jobEnvironment({ environment, job: { id: 'probe' }, runId: 'probe', reportFile: '' });
  return new Promise((resolve) => {
    execFile(
      'codex',
      ['--version'],
      { env: given.ok ? given.env : {}, timeout: LIMIT_MS, killSignal: 'SIGKILL' },
      (error, stdout) => {
        if (error === null) resolve({ ok: true, version: stdout.trim().slice(0, 50) });
        else if ('code' in error && error.code === 'ENOENT') resolve({ ok: false, why: null });
        else resolve({ ok: false, why: error.message.split('\n')[0] ?? 'it failed' });
      },
    );
  });
}
