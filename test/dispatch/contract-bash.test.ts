import { spawn, spawnSync } from 'node:child_process';
import { describe, it } from 'vitest';
import { describeContract } from '../support/runner-contract.ts';

const NEEDS = ['bash', 'curl', 'jq'];
const missing = NEEDS.filter((program) => spawnSync(program, ['--version']).error !== undefined);

if (missing.length > 0) {
  describe('the runner protocol: deploy/runner.sh', () => {
    it(`needs ${missing.join(', ')}, which this machine has not`, (context) => {
      console.warn(`deploy/runner.sh is not tested: ${missing.join(', ')} not found on PATH`);
      context.skip();
    });
  });
} else {
  describeContract('deploy/runner.sh', {
    // An example: what a job may do is up to its OS user.
    checksWorkdir: false,
    start({ url, token, name }) {
      const child = spawn('bash', ['deploy/runner.sh'], {
        // Its own group: curl and jq may be under way.
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, GURUGURU_URL: url, GURUGURU_RUNNER_TOKEN: token, GURUGURU_RUNNER_NAME: name },
      });
      const chunks: string[] = [];
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk) => chunks.push(String(chunk)));
      return {
        output: () => chunks.join(''),
        exited: new Promise((resolve) => child.on('exit', (code) => resolve(code))),
        kill: () => {
          if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
        },
      };
    },
  });
}
