import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/ask/parse-command.ts';
import { EVENTS } from '../../src/loop.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { check, fence, jobFile, jobState, merged, waitingPull } from '../support/app-steps.ts';
import type { Person } from '../support/github/person.ts';
import { DEFAULT_USERS, OTHER_ACTORS } from '../support/github/seed.ts';
import { type Outcome, play, type Row, readTable, type Target } from '../support/matrix.ts';
import { jobAnswer } from '../support/model-replies.ts';

const APP = 'guruguru-test[bot]';
const ACTORS = [
  ...['stranger', 'reader', 'triager', 'custom-reader'],
  ...['writer', 'maintainer', 'custom-writer', 'octo'],
  ...[APP, 'ci[bot]', 'github-actions[bot]'],
  'deploy-key',
];

/**
 * What comes of it. D: it is done. R: refused by one reply, nothing else changes. `.`: nothing changes.
 * U: it happens on GitHub, and runs nothing. `-`: GitHub refuses it or offers no such thing.
 *
 * Columns: stranger, read, triage, custom role over read | write, maintain, custom role over write, admin |
 * the app itself, another app, a workflow's token | a deploy key. Both bots and the key may write.
 */
const TABLE = readTable(
  `
/ask fenced                     R R R R | D D D D | . . . | -
/ask prose                      R R R R | D D D D | . . . | -
/ask in an issue's body         R R R R | D D D D | . . . | -
/ask in a PR's body             R R R R | D D D D | . . . | -
/ask in a review comment        R R R R | D D D D | . . . | -
/approve                        R R R R | D D D D | . . . | -
/cancel                         R R R R | D D D D | . . . | -
/retry                          R R R R | D D D D | . . . | -
/pause                          R R R R | D D D D | . . . | -
/resume                         R R R R | D D D D | . . . | -
/status                         R R R R | D D D D | . . . | -
/help                           R R R R | D D D D | . . . | -
comment edited into /approve    . . . . | . . . . | . . . | -
comment edited into /ask        R R R R | R R R R | . . . | -
body edited into /ask           R R R R | R R R R | . . . | -
approving review                . . . . | D D D D | . . . | -
review that wants changes       . . . . | D D D D | - . . | -
merge by hand                   - - - - | D D D D | U U U | U
close                           - - D - | D D D D | D D D | -
push to a job PR                - - - - | U U U U | U U U | U
push to jobs/queue              - - - - | U U U U | U U U | U
approve button                  R R R R | D D D D | . . . | -
cancel button                   R R R R | D D D D | . . . | -
re-run of a job                 R R R R | D D D D | . . . | -
re-run of the validation        . . . . | D D D D | . . . | -
re-run of all checks            . . . . | D D D D | . . . | -
`,
  ACTORS,
);

/** Events that tell how GitHub stands now; what they lead to is read from GitHub, whoever caused them. */
const FACTS = [
  'pull_request.edited',
  'pull_request.reopened',
  'pull_request.ready_for_review',
  'pull_request.dequeued',
  'pull_request_review.dismissed',
  'merge_group.checks_requested',
  ...Object.keys(EVENTS).filter((name) =>
    /^(repository|installation|installation_repositories)\./.test(name),
  ),
];

let t: TestApp;
let last = 0;
beforeAll(async () => {
  t = await startTestApp({
    settings: 'gate:\n  fenced: approve\nlimits:\n  asks_per_person_per_day: 1000\n',
    github: { users: [...DEFAULT_USERS, ...OTHER_ACTORS] },
    model: { otherwise: { text: jobAnswer() } },
  });
});
afterAll(() => t.close());
afterEach(async () => {
  // Another hour, as far as replies to strangers go.
  await t.app().store.write((tx) => tx.deleteFrom('counters').where('name', 'like', 'refusals:%').execute());
  expect(t.log.splice(0)).toEqual([]);
  t.github.contractViolations.length = 0;
});

const none = async (): Promise<Target> => ({});
const number = (target: Target) => target.pull?.number ?? 0;
const prOf = async (issue: number) =>
  (await t.github.read.pulls()).some(
    (pull) => pull.body.includes(`/issues/${issue}#`) || pull.body.includes(`/issues/${issue})`),
  );
const isMerged = async (target: Target) => merged(t, { number: number(target) });
const state = (target: Target) => jobState(t, target.id ?? '');
const head = async (target: Target) => (await t.github.read.pull(number(target))).head.sha;

/** A PR with a job, by somebody who is none of the actors. */
async function handWritten(): Promise<Target> {
  last += 1;
  const id = `2025-01-01-${String(last).padStart(3, '0')}`;
  const pull = await t.github
    .as('writer2')
    .openPull({ head: `by-hand-${id}`, files: { [`jobs/queue/${id}.json`]: jobFile(id) } });
  await t.settle();
  return { pull, id };
}

/** A job that ended without ever running: cheap, and `/retry` takes it like any other. */
async function ended(): Promise<Target> {
  const target = await waitingPull(t, 'writer2');
  await t.github.as('writer2').comment(number(target), '/approve');
  await t.settle();
  await t.github.as('writer2').comment(number(target), '/cancel');
  await t.settle();
  return { ...target, check: (await check(t, target.pull.head.sha, target.id))?.id ?? 0 };
}

async function validated(): Promise<Target> {
  const target = await waitingPull(t, 'writer2');
  return { ...target, check: (await check(t, target.pull.head.sha, 'validate'))?.id ?? 0 };
}

const command = (word: string, rest: Pick<Row, 'target' | 'oneByOne' | 'done'>): Row => ({
  covers: [word, 'issue_comment.created'],
  act: async (person, target) => {
    await person.comment(number(target), word);
    return number(target);
  },
  ...rest,
});

const asked = (text: string): Row => ({
  covers: ['/ask', 'issue_comment.created'],
  target: none,
  async act(person) {
    const issue = await t.github.as('octo').openIssue({ title: 'Smoke' });
    await person.comment(issue, text);
    return issue;
  },
  done: (_, issue) => prOf(issue),
});

const answered: Row['done'] = async (target) =>
  (await t.marked(number(target), 'reply')).some(({ body }) => !body.includes('needs write access'));

const clicked = (action: string, covers: string, rest: Pick<Row, 'target' | 'oneByOne' | 'done'>): Row => ({
  covers: [covers],
  async act(person, target) {
    await person.clickCheckRun(target.check ?? 0, action);
    return number(target);
  },
  ...rest,
});

const never = async () => false;
const requeued: Row['done'] = async (target) => (await state(target)) === 'queued';

/** A deploy key has git only: it merges by pushing the merge. */
async function mergeByPush(person: Person, target: Target): Promise<void> {
  const path = '/repos/octo/hello/git';
  const tip = t.github.read.head('main');
  const tree = await person.client.one('POST', `${path}/trees`, {
    base_tree: tip,
    tree: [
      {
        path: `jobs/queue/${target.id}.json`,
        mode: '100644',
        type: 'blob',
        content: jobFile(target.id ?? ''),
      },
    ],
  });
  const commit = await person.client.one('POST', `${path}/commits`, {
    message: 'Merge by hand',
    tree: tree.sha,
    parents: [tip, target.pull?.head.sha],
  });
  await person.client.one('PATCH', `${path}/refs/heads/main`, { sha: commit.sha });
}

const ROWS: Record<string, Row> = {
  '/ask fenced': asked(`/ask list files\n${fence('ls')}`),
  '/ask prose': asked('/ask run the smoke test'),
  "/ask in an issue's body": {
    covers: ['/ask', 'issues.opened'],
    target: none,
    act: (person) => person.openIssue({ title: 'Smoke', body: `/ask list files\n${fence('ls')}` }),
    done: (_, issue) => prOf(issue),
  },
  "/ask in a PR's body": {
    covers: ['/ask', 'pull_request.opened'],
    target: none,
    async act(person) {
      last += 1;
      await t.github.as('octo').push(`topic-${last}`, { [`docs/${last}.md`]: 'x\n' });
      return (await person.openPull({ head: `topic-${last}`, body: `/ask list files\n${fence('ls')}` }))
        .number;
    },
    done: async (_, thread) =>
      (await t.github.read.pulls()).some((pull) => pull.body.includes(`/pull/${thread}`)),
  },
  '/ask in a review comment': {
    covers: ['/ask', 'pull_request_review_comment.created'],
    target: () => waitingPull(t, 'writer2'),
    async act(person, target) {
      const path = `jobs/queue/${target.id}.json`;
      await person.reviewComment(number(target), { path, body: `/ask list files\n${fence('pwd')}` });
      return number(target);
    },
    done: async (target) => (await head(target)) !== target.pull?.head.sha,
  },
  '/approve': command('/approve', { target: () => waitingPull(t, 'writer2'), done: isMerged }),
  '/cancel': command('/cancel', {
    target: () => waitingPull(t, 'writer2'),
    done: async (target) => (await state(target)) === 'rejected',
  }),
  '/retry': command('/retry', { target: ended, oneByOne: true, done: requeued }),
  // An ask would wait for the end of the pause, which is the next row.
  '/pause': command('/pause', { target: handWritten, done: answered }),
  '/resume': command('/resume', { target: handWritten, done: answered }),
  '/status': command('/status', { target: () => waitingPull(t, 'writer2'), done: answered }),
  '/help': command('/help', { target: () => waitingPull(t, 'writer2'), done: answered }),
  'comment edited into /approve': {
    covers: ['issue_comment.edited', 'pull_request_review_comment.edited'],
    target: () => waitingPull(t, 'writer2'),
    async act(person, target) {
      const { id } = await person.comment(number(target), 'hm');
      await person.editComment(id, '/approve');
      return number(target);
    },
    done: never,
  },
  'comment edited into /ask': {
    covers: ['issue_comment.edited'],
    target: none,
    async act(person) {
      const issue = await t.github.as('octo').openIssue({ title: 'Smoke' });
      const { id } = await person.comment(issue, 'hm');
      await person.editComment(id, `/ask list files\n${fence('ls')}`);
      return issue;
    },
    done: never,
  },
  'body edited into /ask': {
    covers: ['issues.edited'],
    target: none,
    async act(person) {
      const issue = await person.openIssue({ title: 'Smoke', body: 'hm' });
      const body = `/ask list files\n${fence('ls')}`;
      await person.client.one('PATCH', `/repos/octo/hello/issues/${issue}`, { body });
      return issue;
    },
    done: never,
  },
  'approving review': {
    covers: ['pull_request_review.submitted'],
    target: handWritten,
    async act(person, target) {
      await person.review(number(target), { event: 'APPROVE' });
      return number(target);
    },
    done: isMerged,
  },
  'review that wants changes': {
    covers: ['pull_request_review.submitted'],
    target: () => waitingPull(t, 'writer2'),
    async act(person, target) {
      await person.review(number(target), { event: 'REQUEST_CHANGES', body: 'shorter, please' });
      return number(target);
    },
    done: async (target) => (await head(target)) !== target.pull?.head.sha,
  },
  'merge by hand': {
    covers: ['pull_request.closed'],
    target: handWritten,
    async act(person, target, login) {
      if (login === 'deploy-key') await mergeByPush(person, target);
      else await person.merge(number(target));
      return number(target);
    },
    done: async (target) => (await isMerged(target)) && (await state(target)) === 'queued',
    unrun: async (target) =>
      (await isMerged(target)) &&
      (await state(target)) === 'proposed' &&
      (await t.marked(number(target), 'admission')).length === 1,
  },
  close: {
    covers: ['pull_request.closed'],
    target: handWritten,
    async act(person, target) {
      await person.close(number(target));
      return number(target);
    },
    done: async (target) => (await state(target)) === 'rejected',
  },
  'push to a job PR': {
    covers: ['pull_request.synchronize'],
    target: handWritten,
    async act(person, target) {
      await person.push(target.pull?.head.ref ?? '', { 'notes.txt': 'more\n' });
      return number(target);
    },
    done: isMerged,
    unrun: async (target) => {
      const sha = await head(target);
      const judged = (await check(t, sha, 'validate'))?.conclusion === 'success';
      return judged && sha !== target.pull?.head.sha && (await state(target)) === 'proposed';
    },
  },
  'push to jobs/queue': {
    covers: ['push'],
    target: async () => {
      last += 1;
      return { id: `2025-01-01-${String(last).padStart(3, '0')}` };
    },
    oneByOne: true,
    async act(person, { id = '' }) {
      await person.push('main', { [`jobs/queue/${id}.json`]: jobFile(id) });
      return 0;
    },
    done: async (target) => (await state(target)) !== undefined,
    unrun: async ({ id = '' }) => {
      const said = await t.github.as('octo').client.many('/repos/octo/hello/comments');
      return said.filter(({ body }) => String(body).includes(id)).length === 1;
    },
  },
  'approve button': clicked('approve', 'check_run.requested_action', { target: validated, done: isMerged }),
  'cancel button': clicked('cancel', 'check_run.requested_action', {
    target: validated,
    done: async (target) => (await state(target)) === 'rejected',
  }),
  're-run of a job': clicked('rerequested', 'check_run.rerequested', {
    target: ended,
    oneByOne: true,
    done: requeued,
  }),
  're-run of the validation': clicked('rerequested', 'check_run.rerequested', {
    target: validated,
    done: async (target) => (await check(t, target.pull?.head.sha ?? '', 'validate'))?.id !== target.check,
  }),
  're-run of all checks': {
    covers: ['check_suite.rerequested'],
    target: validated,
    async act(person, target) {
      const [run] = await t.github.read.checkRuns(target.pull?.head.sha ?? '');
      await person.rerunSuite((run?.check_suite as { id: number } | undefined)?.id ?? 0);
      return number(target);
    },
    done: async (target) => (await check(t, target.pull?.head.sha ?? '', 'validate'))?.id !== target.check,
  },
};

describe('who may do what', () => {
  it('is decided for every command and every event', () => {
    const covered = new Set(Object.values(ROWS).flatMap(({ covers }) => covers));
    expect([...TABLE.keys()]).toEqual(Object.keys(ROWS));
    for (const word of ['/ask', ...COMMANDS.map((name) => `/${name}`)]) expect(covered).toContain(word);
    for (const event of Object.keys(EVENTS))
      expect(covered.has(event) || FACTS.includes(event), event).toBe(true);
  });

  it.each([...TABLE])('%s', async (name, expected: Record<string, Outcome>) => {
    const row = ROWS[name];
    if (!row) throw new Error(`"${name}" is in the table and nowhere else`);
    expect(await play(t, row, expected)).toEqual(expected);
  });
});
