import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { taggedProcesses } from '../../../src/runner/tagged-processes.ts';
import { makeCheckout } from '../../support/checkout.ts';
import { startFakeApp } from '../../support/fake-app.ts';
import { fakeCodex } from '../../support/fake-codex.ts';

it('kill -9 while an agent works: told, its processes and its copy gone, the checkout as it was, not run again', async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'killed-')));
  const app = await startFakeApp();
  const children: ChildProcess[] = [];
  const state = join(folder, 'state');
  const checkout = makeCheckout(folder, { 'README.md': '# hello\n' });
  const before = checkout.state();
  const start = () => {
    const settings = JSON.stringify({ mode: 'app', url: app.url, token: app.token, root: folder, state });
    const child = spawn(process.execPath, ['test/support/runner-main.ts', settings], {
      stdio: 'ignore',
      env: { ...process.env, PATH: fakeCodex(folder) },
    });
    children.push(child);
    return { child, ended: new Promise((resolve) => child.on('exit', resolve)) };
  };
  try {
    const run = app.offer({
      id: '2025-11-22-001',
      kind: 'codex',
      workdir: checkout.path,
      prompt: `echo x >> ${folder}/ran; echo new > new.txt; say begun; setsid sleep 600 & sleep 600`,
      dod: 'exit_code == 0',
      report_path: 'reports/jobs/2025-11-22-001.out',
    });
    const first = start();
    await app.until(() => run.log.includes('begun'), 'the first message');
    expect(readdirSync(join(state, 'copies'))).toEqual([run.offer.run]);
    first.child.kill('SIGKILL');
    await first.ended;
    const second = start();
    await app.until(() => run.result !== null, 'the result');
    expect(run.result).toMatchObject({ outcome: 'runner_error' });
    expect(run.result?.message).toContain('runner was killed while the job ran');
    expect(run.result?.agent).toBeUndefined();
    expect(await taggedProcesses(run.offer.run)).toEqual([]);
    second.child.kill('SIGTERM');
    expect(await second.ended).toBe(0);
    expect(readdirSync(state)).not.toContain('copies');
    expect(readFileSync(join(folder, 'ran'), 'utf8')).toBe('x\n');
    expect(checkout.state()).toBe(before);
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await app.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
