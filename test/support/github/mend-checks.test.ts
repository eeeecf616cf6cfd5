import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, createClient } from './client.ts';
import { at, int, list, text } from './json.ts';
import { type GitHubServer, startGitHub } from './start-github.ts';

const REPO = '/repos/octo/hello';

function annotations(count: number) {
  return Array.from({ length: count }, (_, index) => ({
    path: 'README.md',
    start_line: index + 1,
    end_line: index + 1,
    annotation_level: 'warning',
    message: `note ${index}`,
  }));
}

describe('check runs', () => {
  let github: GitHubServer;
  let app: Client;
  beforeAll(async () => {
    github = await startGitHub();
    app = createClient(github.url, await github.installationToken());
  });
  afterAll(() => github.close());

  const create = (client: Client, body: Record<string, unknown>) =>
    client.raw('POST', `${REPO}/check-runs`, { name: 'c', head_sha: github.read.head(), ...body });

  it('come from an app, on a commit that exists', async () => {
    const made = await create(app, { external_id: 'job:1' });
    expect(made.json).toMatchObject({ status: 'queued', external_id: 'job:1', app: { id: github.app.id } });
    const person = await create(github.as('octo').client, {});
    expect([person.status, text(person.json, 'message')]).toEqual([
      403,
      'You must authenticate via a GitHub App.',
    ]);
    expect((await create(app, { head_sha: '3'.repeat(40) })).status).toBe(422);
  });

  it('take 50 annotations a request and append them', async () => {
    const output = { title: 't', summary: 's' };
    expect((await create(app, { output: { ...output, annotations: annotations(51) } })).status).toBe(422);
    const made = await create(app, { output: { ...output, annotations: annotations(50) } });
    const id = int(made.json, 'id');
    const more = await app.one('PATCH', `${REPO}/check-runs/${id}`, {
      output: { ...output, annotations: annotations(10) },
    });
    expect(at(more, 'output', 'annotations_count')).toBe(60);
    expect(await github.read.annotations(id)).toHaveLength(60);
    const long = await create(app, { output: { title: 't', summary: 'x'.repeat(65_536) } });
    expect(long.status).toBe(422);
  });

  it('complete by their conclusion, are listed by name and show the pull request', async () => {
    const pull = await github.as('writer').openPull({ head: 'checked', files: { 'c.txt': 'c\n' } });
    const made = await create(app, {
      name: 'guruguru / validate',
      head_sha: pull.head.sha,
      status: 'in_progress',
    });
    const done = await app.one('PATCH', `${REPO}/check-runs/${int(made.json, 'id')}`, {
      conclusion: 'failure',
    });
    expect(done).toMatchObject({ status: 'completed', conclusion: 'failure' });
    expect(list(done, 'pull_requests').map((one) => one.number)).toEqual([pull.number]);
    await create(app, { name: 'other', head_sha: pull.head.sha });
    const path = `${REPO}/commits/${pull.head.sha}/check-runs?check_name=guruguru%20%2F%20validate&app_id=${github.app.id}`;
    expect((await app.many(path, 'check_runs')).map((one) => one.conclusion)).toEqual(['failure']);
    expect((await github.read.checkRuns(pull.head.sha)).map((one) => one.name)).toEqual([
      'guruguru / validate',
      'other',
    ]);
    expect(await app.many(`${REPO}/commits/${pull.head.sha}/check-runs?app_id=1`, 'check_runs')).toEqual([]);
  });

  it('offer only the buttons they were given', async () => {
    const action = { label: 'Approve', identifier: 'approve', description: 'Approve and queue it' };
    const id = int((await create(app, { actions: [action] })).json, 'id');
    await github.as('writer').clickCheckRun(id, 'approve');
    expect(github.webhooks.log.at(-1)?.payload).toMatchObject({
      action: 'requested_action',
      requested_action: { identifier: 'approve' },
      check_run: { id },
      sender: { login: 'writer' },
    });
    await expect(github.as('writer').clickCheckRun(id, 'cancel')).rejects.toThrow('it offers: approve');
    expect((await create(app, { actions: [{ ...action, label: 'x'.repeat(21) }] })).status).toBe(422);
  });
});
