import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { fencedAsk } from '../support/fenced-ask.ts';
import { type Loop, startLoop } from '../support/loop.ts';

let loop: Loop;
afterEach(() => loop.close());

it('a fenced ask that the app merged by itself is refused by a runner with --verify, and runs once it is approved by review', async () => {
  loop = await startLoop();
  const env = {
    GURUGURU_VERIFY_TOKEN: 'token-writer',
    GURUGURU_VERIFY_REPOSITORIES: 'octo/hello',
    GITHUB_API_URL: loop.github.url,
  };
  await loop.startRunner('far', env, ['--verify']);
  const { thread } = await fencedAsk(loop, 'echo ran >> ran.txt');
  const record = (state: string) =>
    loop.github.until(
      `a record that says ${state}`,
      async () => {
        const [pull] = await loop.github.read.pulls();
        const id = /\d{4}-\d\d-\d\d-\d{3}/.exec(pull?.body ?? '')?.[0];
        const text = await loop.github.read.file(`reports/jobs/${id}.json`);
        return text?.includes(`"${state}"`) ? text : undefined;
      },
      30_000,
    );
  expect(await record('refused')).toContain('refused by --verify: no person with write access merged PR #');

  const [pull] = await loop.github.read.pulls();
  await loop.github.as('writer').review(pull?.number ?? 0, { event: 'APPROVE' });
  await loop.github.as('octo').comment(thread, '/retry');
  await record('succeeded');
  expect(readFileSync(join(loop.workdir, 'ran.txt'), 'utf8')).toBe('ran\n');
});
