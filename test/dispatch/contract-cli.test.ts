import { join } from 'node:path';
import { startCli } from '../support/cli-process.ts';
import { describeContract } from '../support/runner-contract.ts';

describeContract('guruguru runner', {
  checksWorkdir: true,
  start({ url, token, name, folder }) {
    const child = startCli(['runner'], {
      cwd: folder,
      env: {
        GURUGURU_URL: url,
        GURUGURU_RUNNER_TOKEN: token,
        GURUGURU_RUNNER_NAME: name,
        GURUGURU_WORKDIR_ROOTS: folder,
        GURUGURU_RUNNER_STATE_DIR: join(folder, `state-${name}`),
      },
    });
    return {
      output: () => child.lines.join('\n'),
      exited: child.exited.then((end) => (typeof end === 'number' ? end : null)),
      kill: () => child.kill('SIGKILL'),
    };
  },
});
