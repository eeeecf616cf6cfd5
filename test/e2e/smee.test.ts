import { createHmac, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliProcess, startCli } from '../support/cli-process.ts';
import { type GitHubServer, startGitHub } from '../support/github/start-github.ts';
import { type SmeeChannel, startSmeeChannel } from '../support/smee-channel.ts';

/** The real smee-client, in the app as a process of its own, on a channel that speaks as smee.io does. */
let github: GitHubServer;
let channel: SmeeChannel;
let app: CliProcess;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guruguru-smee-'));
  [github, channel] = await Promise.all([startGitHub(), startSmeeChannel()]);
  await github
    .as('octo')
    .push('main', { '.github/guruguru.yml': 'defaults:\n  workdir: /workspace/hello\n' }, 'Configure');
  // A channel that is down must not keep the app from starting.
  channel.refuse(502, 1);
  app = startCli(['app'], {
    cwd: folder,
    env: {
      APP_ID: String(github.app.id),
      PRIVATE_KEY: github.app.privateKey,
      WEBHOOK_SECRET: github.app.webhookSecret,
      WEBHOOK_PROXY_URL: channel.url,
      GITHUB_API_URL: github.url,
      GURUGURU_WRITE_BUDGET: 'off',
      HOST: '127.0.0.1',
      PORT: '0',
    },
  });
  await app.line(/"msg":"working"/);
  await channel.connected();
  github.webhooks.setUrl(channel.url);
});

afterAll(async () => {
  app.kill('SIGTERM');
  await app.exited;
  await channel.close();
  await github.close();
  await rm(folder, { recursive: true, force: true });
});

/** The status comment of an ask that GitHub could only deliver through the channel. */
async function ask(text: string): Promise<string> {
  const issue = await github.as('writer').openIssue({ title: 'Smoke' });
  await github.as('writer').comment(issue, text);
  return github.until('a status comment', async () => {
    const ours = (await github.read.comments(issue)).filter(({ author }) => author === github.app.botLogin);
    return ours.find(({ body }) => body.includes('guruguru:status:'))?.body;
  });
}

describe('WEBHOOK_PROXY_URL', () => {
  it('is tried again when it refuses, and the app says so', async () => {
    await app.line(/"status":502.*the webhook proxy is away, connecting again; look at WEBHOOK_PROXY_URL/);
    await app.line(/receiving webhooks through the proxy/);
  });

  it('brings a comment that starts an ask, its signature intact', async () => {
    expect(await ask('/ask show “the list” 日本語 🙂 </script> \u2028 1e3\n```sh\nls\n```')).toContain(
      'planning',
    );
  });

  it('is connected again after the channel drops', async () => {
    channel.drop();
    await channel.connected();
    await ask('/ask again\n```sh\nls\n```');
    await app.line(/the webhook proxy is away/);
  });

  it('says why a body that is not as JSON.stringify writes it is refused: a channel keeps no bytes', async () => {
    const body = '{ "action" : "created", "zen": 1.0 }';
    const signature = createHmac('sha256', github.app.webhookSecret).update(body).digest('hex');
    await fetch(channel.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-github-event': 'ping',
        'x-github-delivery': randomUUID(),
        'x-hub-signature-256': `sha256=${signature}`,
      },
      body,
    });
    await app.line(/a webhook was refused: the signature does not match: .*or a proxy changed the body/);
  });

  it('is closed with the app', async () => {
    app.kill('SIGTERM');
    expect(await app.exited).toBe(0);
    await expect.poll(() => channel.clients()).toBe(0);
  });
});
