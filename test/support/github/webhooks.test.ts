import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createRequire } from 'node:module';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { isJson, type Json, list, object, text } from './json.ts';
import { type GitHubServer, startGitHub } from './start-github.ts';

/** Keys every published example of an event has, by object; what we send must have them too. */
function keysOf(event: string, action: string | undefined, path: string[]): string[] {
  const examples: unknown = createRequire(import.meta.url)('@octokit/webhooks-examples');
  const known = (Array.isArray(examples) ? examples.filter(isJson) : []).find((one) => one.name === event);
  const same = list(known, 'examples').filter((one) => action === undefined || one.action === action);
  const all = same.length > 0 ? same : list(known, 'examples');
  const sets = all.map((one) => Object.keys(object(one, ...path)));
  return (sets[0] ?? []).filter((key) => sets.every((set) => set.includes(key)));
}

/** Not sent to an app on a personal account; `draft` belongs to pull requests, some examples are of those. */
const OPTIONAL = new Set(['organization', 'enterprise', 'draft']);

function missing(delivery: { event: string; action: string | null; payload: Json }): string[] {
  const { event, payload } = delivery;
  const action = delivery.action ?? undefined;
  const paths = [[], ...Object.keys(payload).map((key) => [key])];
  return paths.flatMap((path) =>
    keysOf(event, action, path)
      .filter((key) => !OPTIONAL.has(key) && !(key in object(payload, ...path)))
      .map((key) => [event, action, ...path, key].join('.')),
  );
}

interface Arrival {
  event: string;
  guid: string;
  signature: string;
  body: string;
}

describe('webhooks', () => {
  let github: GitHubServer;
  let receiver: Server;
  const arrived: Arrival[] = [];
  let answer = 200;

  beforeAll(async () => {
    github = await startGitHub({
      repositories: [
        { fullName: 'octo/hello', files: { 'README.md': 'hello\n' } },
        { fullName: 'octo/other' },
      ],
    });
    receiver = createServer((incoming: IncomingMessage, outgoing) => {
      let body = '';
      incoming.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      incoming.on('end', () => {
        const header = (name: string) => String(incoming.headers[name]);
        arrived.push({
          event: header('x-github-event'),
          guid: header('x-github-delivery'),
          signature: header('x-hub-signature-256'),
          body,
        });
        outgoing.writeHead(answer).end('noted');
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', () => resolve()));
    const address = receiver.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    github.webhooks.setUrl(`http://127.0.0.1:${address.port}/hooks`);
  });

  afterAll(async () => {
    await github.close();
    receiver.closeAllConnections();
    receiver.close();
  });

  afterEach(async () => {
    github.webhooks.release();
    github.webhooks.duplicate(false);
    github.webhooks.drop(undefined);
    await github.webhooks.idle();
    arrived.length = 0;
    answer = 200;
  });

  it('signs the exact body and names each delivery with a GUID', async () => {
    await github.as('reader').openIssue({ title: 'signed', body: 'ねこ' });
    await github.webhooks.idle();
    const [got] = arrived;
    const secret = github.app.webhookSecret;
    expect(got?.event).toBe('issues');
    expect(got?.guid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(got?.signature).toBe(
      `sha256=${createHmac('sha256', secret)
        .update(got?.body ?? '')
        .digest('hex')}`,
    );
  });

  it('sends the shapes GitHub publishes', async () => {
    const from = github.webhooks.log.length;
    const writer = github.as('writer');
    const issue = await writer.openIssue({ title: 'shapes', body: 'b' });
    const comment = await writer.comment(issue, 'one');
    await writer.editComment(comment.id, 'two');
    const pull = await writer.openPull({ head: 'shapes', files: { 'a.txt': 'a\n' } });
    await writer.reviewComment(pull.number, { path: 'a.txt', body: 'why?' });
    const review = await github.as('octo').review(pull.number, { event: 'APPROVE' });
    await github.as('octo').dismissReview(pull.number, Number(review.id));
    await writer.push('shapes', { 'b.txt': 'b\n' });
    await writer.close(pull.number);
    await writer.reopen(pull.number);
    const token = await github.installationToken();
    const run = await fetch(`${github.url}/repos/octo/hello/check-runs`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({
        name: 'shapes',
        head_sha: github.read.head('shapes'),
        actions: [{ label: 'Approve', identifier: 'approve', description: 'Approve it' }],
      }),
    });
    const made: unknown = await run.json();
    const id = Number(object(made).id);
    await writer.clickCheckRun(id, 'rerequested');
    await writer.clickCheckRun(id, 'approve');
    await writer.rerunSuite(Number(object(made, 'check_suite').id));
    github.admin.setMergeQueue('main', true);
    const client = github.as('octo').client;
    const asked = `query { repository(owner: "octo", name: "hello") { pullRequest(number: ${pull.number}) { id } } }`;
    const found = await client.one('POST', '/graphql', { query: asked });
    const pullRequestId = text(found, 'data', 'repository', 'pullRequest', 'id');
    await client.one('POST', '/graphql', {
      query:
        'mutation ($input: EnqueuePullRequestInput!) { enqueuePullRequest(input: $input) { clientMutationId } }',
      variables: { input: { pullRequestId } },
    });
    await github.admin.runMergeQueue(pull.number);
    github.admin.setMergeQueue('main', false);
    const other = github.repository('octo/other');
    await other.as('octo').push('next', { 'x.txt': 'x\n' });
    await other.admin.changeDefaultBranch('next');
    await other.admin.removeFromInstallation();
    await other.admin.addToInstallation();
    await other.admin.rename('another');
    await other.admin.archive();
    await other.admin.unarchive();
    await other.admin.transfer('writer');
    await github.admin.suspend();
    await github.admin.unsuspend();
    await github.admin.uninstall();
    await github.admin.install();
    const sent = github.webhooks.log.slice(from);
    const names = new Set(sent.map((one) => [one.event, one.action].filter(Boolean).join('.')));
    expect([...names]).toEqual(
      expect.arrayContaining([
        'issues.opened',
        'issue_comment.created',
        'issue_comment.edited',
        'pull_request.opened',
        'pull_request.synchronize',
        'pull_request.closed',
        'pull_request.reopened',
        'pull_request_review.submitted',
        'pull_request_review.dismissed',
        'pull_request_review_comment.created',
        'push',
        'check_run.created',
        'check_run.rerequested',
        'check_run.requested_action',
        'check_suite.rerequested',
        'installation.created',
        'installation.deleted',
        'installation.suspend',
        'installation.unsuspend',
        'installation_repositories.added',
        'installation_repositories.removed',
        'repository.renamed',
        'repository.archived',
        'repository.edited',
        'repository.transferred',
        'merge_group.checks_requested',
      ]),
    );
    // Proof that the examples are read at all.
    expect(missing({ event: 'issues', action: 'opened', payload: {} })).toContain('issues.opened.issue');
    expect(sent.flatMap(missing)).toEqual([]);
    expect(sent.every((one) => object(one.payload, 'installation').id === github.app.installationId)).toBe(
      true,
    );
  });

  it('marks comments on pull requests and spells review states in small letters', async () => {
    const from = github.webhooks.log.length;
    const writer = github.as('writer');
    const pull = await writer.openPull({ head: 'marks', files: { 'm.txt': 'm\n' } });
    await writer.comment(pull.number, '/ask on a pull request');
    await writer.comment(await writer.openIssue({ title: 'plain' }), '/ask on an issue');
    await github.as('octo').review(pull.number, { event: 'REQUEST_CHANGES', body: 'no' });
    const sent = github.webhooks.log.slice(from);
    const comments = sent.filter((one) => one.event === 'issue_comment');
    expect(comments.map((one) => 'pull_request' in object(one.payload, 'issue'))).toEqual([true, false]);
    const review = sent.find((one) => one.event === 'pull_request_review');
    expect(text(review?.payload, 'review', 'state')).toBe('changes_requested');
  });

  it('describes a push: commits, paths, who, from where to where', async () => {
    const writer = github.as('writer');
    await writer.push('pushed', { 'new.txt': '1\n' });
    const before = github.read.head('pushed');
    const after = await writer.push(
      'pushed',
      { 'new.txt': '2\n', 'more.txt': 'x\n', 'README.md': null },
      'three ways',
    );
    const { payload } = github.webhooks.log.findLast((one) => one.event === 'push') ?? { payload: {} };
    expect(payload).toMatchObject({
      ref: 'refs/heads/pushed',
      before,
      after,
      created: false,
      deleted: false,
    });
    expect(list(payload, 'commits')).toMatchObject([
      {
        id: after,
        message: 'three ways',
        added: ['more.txt'],
        modified: ['new.txt'],
        removed: ['README.md'],
      },
    ]);
    expect(object(payload, 'sender').login).toBe('writer');
    await writer.deleteBranch('pushed');
    const last = github.webhooks.log.findLast((one) => one.event === 'push');
    expect(last?.payload).toMatchObject({ deleted: true, after: '0'.repeat(40), head_commit: null });
  });

  it('holds and releases, in order or reversed', async () => {
    github.webhooks.hold();
    const writer = github.as('writer');
    const issue = await writer.openIssue({ title: 'held' });
    await writer.comment(issue, 'later');
    await github.webhooks.idle();
    expect(arrived).toEqual([]);
    github.webhooks.release('reversed');
    await github.webhooks.idle();
    expect(arrived.map((one) => one.event).sort()).toEqual(['issue_comment', 'issues']);
  });

  it('sends duplicates with one GUID and drops what it is told to', async () => {
    github.webhooks.duplicate(true);
    await github.as('writer').openIssue({ title: 'twice' });
    await github.webhooks.idle();
    expect(arrived).toHaveLength(2);
    expect(new Set(arrived.map((one) => one.guid)).size).toBe(1);
    github.webhooks.duplicate(false);
    github.webhooks.drop((one) => one.event === 'issues');
    await github.as('writer').openIssue({ title: 'never' });
    await github.webhooks.idle();
    expect(arrived).toHaveLength(2);
    expect(github.webhooks.log.at(-1)).toMatchObject({ statusCode: 502 });
  });

  it('logs what the receiver answered and redelivers under the same GUID', async () => {
    answer = 500;
    await github.as('writer').openIssue({ title: 'refused' });
    await github.webhooks.idle();
    const failed = github.webhooks.log.at(-1);
    expect(failed).toMatchObject({ statusCode: 500, responseBody: 'noted', redelivery: false });
    answer = 200;
    github.webhooks.redeliver(failed?.id ?? 0);
    await github.webhooks.idle();
    expect(github.webhooks.log.at(-1)).toMatchObject({
      guid: failed?.guid,
      redelivery: true,
      statusCode: 200,
      status: 'OK',
    });
  });

  it('sends nothing but the suspension while the installation is suspended', async () => {
    await github.admin.suspend();
    const from = github.webhooks.log.length;
    await github.as('writer').openIssue({ title: 'unheard' });
    expect(github.webhooks.log.slice(from)).toEqual([]);
    await github.admin.unsuspend();
    expect(github.webhooks.log.at(-1)).toMatchObject({ event: 'installation', action: 'unsuspend' });
  });
});
