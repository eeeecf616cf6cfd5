import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const POSTGRES = fileURLToPath(new URL('./postgres.ts', import.meta.url));

it('leaves a process the exit code it has set: a test run that failed has failed', () => {
  const script = `
    const { startPostgres } = await import(${JSON.stringify(POSTGRES)});
    process.exitCode = 3;
    await (await startPostgres()).stop();`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 3, stderr: '' });
});
