import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseRecord } from '../../src/job/report-format.ts';
import type { Pull } from '../support/github/person.ts';
import { type Loop, startLoop } from '../support/loop.ts';
import { type ModelServer, startModel } from '../support/model.ts';
import { recordedReplies, recordings } from '../support/model-replies.ts';

/** The product as its users have it: app and runner as processes, a real shell, GitHub and the model on the wire. */
let loop: Loop;
let model: ModelServer;
/** Opened first, so that the app's look at every new PR is not counted to an ask. */
let topic: Pull;

beforeAll(async () => {
  model = await startModel({ replies: await recordedReplies() });
  loop = await startLoop({ model: { url: model.url } });
  const runner = await loop.startRunner();
  await runner.line(/ready/);
  topic = await loop.github.as('octo').openPull({ head: 'topic', title: 'Topic', files: { 'a.txt': 'a\n' } });
}, 60_000);

afterAll(async () => {
  await loop?.close();
  await model?.close();
});

const BOT = 'guruguru-test[bot]';
const finalReply = async (issue: number) =>
  (await loop.github.read.comments(issue)).find(
    (comment) => comment.author === BOT && comment.body.includes('<!-- guruguru:final:'),
  );
const ours = async (issue: number) =>
  (await loop.github.read.comments(issue)).filter((comment) => comment.author === BOT);
const jobPull = () =>
  loop.github.until('the job PR', async () =>
    (await loop.github.read.pulls('open')).find((pull) => pull.head.ref.startsWith('guruguru/')),
  );
/** Requests of the app since a point, by kind. */
const spent = (from: number) => {
  const requests = loop.github.requests
    .slice(from)
    .filter((request) => request.actor === 'app' || request.actor === 'installation');
  const of = (kind: string) => requests.filter((request) => request.kind === kind).length;
  return { read: of('read'), write: of('write'), all: requests.length };
};

describe('an ask in prose on an issue', () => {
  it('goes from the comment to a committed report and a green check, with one click', async () => {
    const { github } = loop;
    const from = github.requests.length;
    const [english] = await recordings();
    const issue = await github.as('octo').openIssue({ title: 'In order?' });
    const comment = await github.as('octo').comment(issue, `/ask ${english?.ask}`);

    const pull = await jobPull();
    expect(await github.read.reactions({ comment: comment.id })).toEqual([`eyes by ${BOT}`]);
    expect(pull.body).toContain('exit_code == 0 && report.lines > 0');
    expect(pull.body).toContain('devbox');
    await github.as('octo').review(pull.number, { event: 'APPROVE' });

    const reply = await github.until('the final reply', () => finalReply(issue));
    expect(reply.body).toMatch(/✅ .*succeeded/);
    expect(reply.body).toContain('README.md has 3 lines');

    // The reply is the last but one write: the status comment is edited after it.
    const status = await github.until('the last edit', async () =>
      (await ours(issue)).find(
        (found) => found.body.includes('✅ succeeded') && found.body.includes('guruguru:status:'),
      ),
    );
    expect((await ours(issue)).map((found) => found.id).sort()).toEqual([status.id, reply.id].sort());

    const checks = await github.read.checkRuns(pull.head.sha);
    expect(checks.map((check) => [check.name, check.conclusion])).toEqual([
      ['guruguru / validate', 'success'],
      [expect.stringMatching(/^guruguru \/ \d{4}-\d\d-\d\d-001$/), 'success'],
    ]);

    const tree = await github.read.tree('main');
    expect(tree).toContain('reports/loop.md');
    expect(tree.filter((path) => path.startsWith('jobs/queue/'))).toEqual([]);
    const done = tree.find((path) => path.startsWith('jobs/done/')) ?? '';
    const id = done.replace(/^.*\/|\.json$/g, '');
    expect(await github.read.file(`reports/jobs/${id}.out`)).toContain('  | README.md has 3 lines');
    const record = parseRecord((await github.read.file(`reports/jobs/${id}.json`)) ?? '');
    expect(record).toMatchObject({
      id,
      state: 'succeeded',
      runs: [{ attempt: 1, reason: 'dod_met', report: { lines: 3 }, runner: 'devbox' }],
    });
    expect(record?.runs[0]?.steps).toHaveLength(4);

    const { write, all } = spent(from);
    expect(write).toBeLessThanOrEqual(18);
    expect(all).toBeLessThanOrEqual(40);
    expect(github.contractViolations).toEqual([]);
  });
});

describe('a Japanese ask on a pull request', () => {
  it('is red when every command exits 0 and the DoD is not met', async () => {
    const { github } = loop;
    const [, japanese] = await recordings();
    const from = github.requests.length;
    await github.as('octo').comment(topic.number, `/ask ${japanese?.ask}`);
    const pull = await jobPull();
    await github.as('octo').comment(pull.number, '/approve');

    const reply = await github.until('the final reply', () => finalReply(topic.number));
    expect(reply.body).toMatch(/❌ .*失敗/);
    expect(reply.body).toContain('`report.sections = 0`');

    const onTopic = await github.until('the check on the PR of the ask', async () => {
      const checks = await github.read.checkRuns(topic.head.sha);
      return checks.find((check) => String(check.name).startsWith('guruguru / 2') && check.conclusion);
    });
    expect(onTopic.conclusion).toBe('failure');
    await github.until('the last edit', async () =>
      (await ours(topic.number)).some(
        (found) => found.body.includes('失敗') && found.body.includes('guruguru:status:'),
      ),
    );
    const { write, all } = spent(from);
    expect(write).toBeLessThanOrEqual(21);
    expect(all).toBeLessThanOrEqual(40);
    expect(github.contractViolations).toEqual([]);
  });
});

describe('an ask of commands in a fence', () => {
  it('runs without a model and without a click', async () => {
    const { github } = loop;
    const calls = model.requests.length;
    const issue = await github
      .as('writer')
      .openIssue({ title: 'Look', body: '/ask\n```sh\ncd /\ncd - >/dev/null\npwd\necho oops >&2\n```' });
    const reply = await github.until('the final reply', () => finalReply(issue));
    expect(reply.body).toContain('✅');
    expect(reply.body).toContain(`| ${loop.workdir}`);
    expect(reply.body).toContain('! oops');
    expect(model.requests.length).toBe(calls);
    expect(github.contractViolations).toEqual([]);
  });

  it('is honestly red when a command fails', async () => {
    const { github } = loop;
    const issue = await github.as('octo').openIssue({ title: 'Fail', body: '/ask\n```sh\nexit 3\n```' });
    const reply = await github.until('the final reply', () => finalReply(issue));
    expect(reply.body).toContain('❌');
    expect(reply.body).toContain('exit_code = 3');
  });
});
