import { writeFile } from 'node:fs/promises';
import { startGitHub } from '../../test/support/github/start-github.ts';
import { startModel } from '../../test/support/model.ts';
import { jobAnswer } from '../../test/support/model-replies.ts';
import { NO_CAPS } from './bench-github.ts';

/**
 * The stateful GitHub and a model that answers at once, in a process of their own. Arguments: how many asks
 * to write, over how many issues, and the file for their webhook bodies (a JSON array). Prints one JSON line,
 * then answers messages: `{ webhookUrl }` sends further webhooks there, `{ count: true }` is answered with
 * the number of requests the app has made.
 */
const [asks = '0', threads = '1', file = ''] = process.argv.slice(2);
const github = await startGitHub();
const model = await startModel({ otherwise: { text: jobAnswer() } });
const octo = github.as('octo');
const settings = `defaults:\n  workdir: /workspace/hello\n${NO_CAPS}`;
await octo.push('main', { '.github/guruguru.yml': settings });

const issues: number[] = [];
for (let n = 0; n < Number(threads); n += 1) issues.push(await octo.openIssue({ title: `Thread ${n}` }));
for (let n = 0; n < Number(asks); n += 1) {
  await octo.comment(issues[n % issues.length] ?? 1, `/ask check that the README is there, number ${n}`);
}
const written = github.webhooks.log.filter(({ event }) => event === 'issue_comment').map(({ body }) => body);
await writeFile(file, JSON.stringify(written));
github.requests.length = 0;

process.on('message', (message: { webhookUrl?: string; count?: true }) => {
  if ('webhookUrl' in message) github.webhooks.setUrl(message.webhookUrl);
  process.send?.({ requests: github.requests.length });
});
const { id, privateKey, webhookSecret } = github.app;
process.send?.({ url: github.url, modelUrl: model.url, app: { id, privateKey, webhookSecret } });
