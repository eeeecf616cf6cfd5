import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseRecord } from '../../src/job/report-format.ts';
import { makeCheckout } from '../support/checkout.ts';
import { fakeCodex } from '../support/fake-codex.ts';
import { type Loop, startLoop } from '../support/loop.ts';

let loop: Loop;
beforeAll(async () => {
  loop = await startLoop({ settings: '  runs_on: [mac, devbox]\n' });
});
afterAll(() => loop.close());

it('takes a brief from an ask through a real runner and its codex to the report', async () => {
  const { github, workdir } = loop;
  mkdirSync(join(workdir, 'of'));
  const checkout = makeCheckout(join(workdir, 'of'), { 'README.md': '# hello\n' });
  const runner = await loop.startRunner('devbox', { PATH: fakeCodex(loop.folder) });
  await runner.line(/codex jobs are taken: codex-cli 0\.0\.0-fake/);
  const job = {
    kind: 'codex',
    workdir: checkout.path,
    prompt: 'echo more >> README.md; say I wrote a line',
    dod: 'exit_code == 0 && report.files == ["README.md"]',
  };
  const thread = await github.as('octo').openIssue({ title: 'Write' });
  await github.as('octo').comment(thread, `/ask write a line\n\`\`\`json\n${JSON.stringify(job)}\n\`\`\``);
  const reply = await github.until('the final reply', async () =>
    (await github.read.comments(thread)).find(({ body }) => body.includes('<!-- guruguru:final:')),
  );
  expect(reply.body).toContain('succeeded');
  expect(reply.body).toContain('> I wrote a line');
  // The emulated GitHub has commits of its own: this one was never pushed there.
  expect(reply.body).toContain('is not on the default branch');
  const files = await github.read.tree();
  const record = files.find((path) => /^reports\/jobs\/.*\.json$/.test(path)) ?? '';
  const entry = parseRecord((await github.read.file(record)) ?? '')?.runs.at(-1);
  expect(entry?.agent).toMatchObject({
    base: checkout.git('rev-parse', 'HEAD'),
    usage: { input_tokens: 1200, output_tokens: 34 },
    files: ['README.md'],
  });
  expect(await github.read.file(record.replace('.json', '.diff'))).toContain('+more\n');
  expect(await github.read.file(record.replace('.json', '.events.ndjson'))).toContain('"turn.completed"');
  expect(await github.read.file(record.replace('.json', '.out'))).toContain('  | I wrote a line\n');
});
