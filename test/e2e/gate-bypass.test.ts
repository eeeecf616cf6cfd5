import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { ask, check, fence, jobFile, jobIdOf, jobState, merged, waitingPull } from '../support/app-steps.ts';
import type { Pull } from '../support/github/person.ts';
import { DEFAULT_USERS, OTHER_ACTORS } from '../support/github/seed.ts';

/** The ways around the gate that somebody would try; test/e2e/gate-*.test.ts tell what it lets through. */
let t: TestApp;
let last = 200;
beforeAll(async () => {
  t = await startTestApp({
    settings: 'gate:\n  fenced: approve\n',
    github: { users: [...DEFAULT_USERS, ...OTHER_ACTORS] },
  });
});
afterAll(() => t.close());
afterEach(async () => {
  expect(t.github.contractViolations).toEqual([]);
  expect(t.log.splice(0)).toEqual([]);
  // What one test queued is not for the next one's runner.
  await t
    .app()
    .store.write((tx) =>
      tx.updateTable('jobs').set({ state: 'superseded' }).where('state', '=', 'queued').execute(),
    );
});

function freshId(): string {
  last += 1;
  return `2025-11-22-${last}`;
}
const queued = (id: string) => `jobs/queue/${id}.json`;

async function written(files: Record<string, string | null>, login = 'writer'): Promise<Pull> {
  last += 1;
  const pull = await t.github.as(login).openPull({ head: `by-hand-${last}`, files });
  await t.settle();
  return pull;
}

async function findings(sha: string): Promise<string[]> {
  const run = await check(t, sha, 'validate');
  expect(run?.conclusion).toBe('failure');
  return (await t.github.read.annotations(run?.id ?? 0)).map((one) => `${one.path}: ${one.message}`);
}

/** Everything that could make the app look at a PR again. */
async function poke(pull: { number: number }): Promise<void> {
  await t.github.as('reader').review(pull.number, { event: 'COMMENT', body: 'hm' });
  await t.settle();
}

/** GitHub holds every merge back while this goes on. */
async function blocked<T>(work: () => Promise<T>): Promise<T> {
  t.github.admin.protect('main', { requiredChecks: ['ci'] });
  try {
    return await work();
  } finally {
    t.github.admin.unprotect('main');
  }
}

/** A commit with exactly this tree on top of a branch, as git itself would push it. */
async function commitTree(
  login: string,
  branch: string,
  entries: { path: string; mode: string; type: string; content?: string; sha?: string }[],
  parents: string[] = [],
): Promise<string> {
  const { client } = t.github.as(login);
  const path = '/repos/octo/hello/git';
  const tip = t.github.read.head(branch) ?? t.github.read.head('main');
  const tree = await client.one('POST', `${path}/trees`, { base_tree: tip, tree: entries });
  const commit = await client.one('POST', `${path}/commits`, {
    message: 'By git',
    tree: tree.sha,
    parents: [tip, ...parents],
  });
  const exists = t.github.read.head(branch) !== undefined;
  if (exists) await client.one('PATCH', `${path}/refs/heads/${branch}`, { sha: commit.sha });
  else await client.one('POST', `${path}/refs`, { ref: `refs/heads/${branch}`, sha: commit.sha });
  return String(commit.sha);
}

/** Comments of the app on commits. */
async function onCommits(): Promise<string[]> {
  const all = await t.github.as('octo').client.many('/repos/octo/hello/comments');
  return all.map(({ body }) => String(body));
}

describe('the approval', () => {
  it.each(['writer', 'ci[bot]', 'deploy-key', 'app'])('a push after it voids it, by %s', async (login) => {
    const { pull } = await waitingPull(t);
    await blocked(async () => {
      await t.github.as('writer').comment(pull.number, '/approve');
      await t.github.as('writer2').review(pull.number, { event: 'APPROVE' });
      expect(await merged(t, pull)).toBe(false);
      const person = login === 'app' ? await t.github.asApp() : t.github.as(login);
      await person.push(pull.head.ref, { 'notes.txt': `${login}\n` });
      await t.settle();
    });
    await poke(pull);
    expect(await merged(t, pull)).toBe(false);
  });

  it('of an older head counts for nothing, however it is given', async () => {
    const { pull } = await waitingPull(t);
    const button = await check(t, pull.head.sha, 'validate');
    await t.github.as('writer').push(pull.head.ref, { 'notes.txt': 'moved\n' });
    await t.settle();
    await t.github.as('writer').comment(pull.number, `/approve ${pull.head.sha}`);
    await t.github.as('writer2').review(pull.number, { event: 'APPROVE', commit_id: pull.head.sha });
    await t.github.as('octo').clickCheckRun(button?.id ?? 0, 'approve');
    expect(await merged(t, pull)).toBe(false);
  });

  it.each([
    ['/approve', () => '/approve'],
    // As if the new head had been made to begin like the old one, which takes seconds.
    ['a shortened name', (head: string) => `/approve ${head.slice(0, 7)}`],
  ])('%s that races a push approves what its writer saw, or nothing', async (_name, text) => {
    const { pull } = await waitingPull(t);
    t.github.webhooks.hold();
    const head = await t.github.as('octo').push(pull.head.ref, { 'notes.txt': text('x') });
    await t.github.as('writer').comment(pull.number, text(head));
    t.github.webhooks.release('reversed');
    expect(await merged(t, pull)).toBe(false);
    expect((await t.marked(pull.number, 'reply'))[0]?.body).toContain(`/approve ${head}`);
  });

  it('dismissed before the merge, a review is void when somebody else merges', async () => {
    const { pull, id } = await waitingPull(t);
    await blocked(async () => {
      const review = await t.github.as('writer2').review(pull.number, { event: 'APPROVE' });
      expect(await merged(t, pull)).toBe(false);
      t.github.webhooks.hold();
      await t.github.as('octo').dismissReview(pull.number, Number(review.id));
    });
    await t.github.as('ci[bot]').merge(pull.number);
    t.github.webhooks.release();
    await t.settle();
    expect(await jobState(t, id)).toBe('proposed');
    expect(await t.marked(pull.number, 'admission')).toHaveLength(1);
  });

  it('by whoever armed auto-merge is void when that person may write no more', async () => {
    const { pull, id } = await waitingPull(t);
    t.github.admin.armAutoMerge(pull.number, 'maintainer');
    await t.github.admin.setPermission('maintainer', 'read');
    await t.github.admin.fireAutoMerge(pull.number);
    await t.settle();
    expect(await jobState(t, id)).toBe('proposed');
    await t.github.admin.setPermission('maintainer', 'write');
  });

  it('by the author of the pushed commit counts: one person with write access may approve alone', async () => {
    const id = freshId();
    const pull = await written({ [queued(id)]: jobFile(id) }, 'writer');
    await t.github.as('writer2').push(pull.head.ref, { [queued(id)]: jobFile(id, { script: ['pwd'] }) });
    await t.github.as('writer2').review(pull.number, { event: 'APPROVE' });
    expect(await merged(t, pull)).toBe(true);
    expect(await jobState(t, id)).toBe('queued');
  });
});

describe('what is merged', () => {
  it('changed in the merge commit, a file is not run', async () => {
    const id = freshId();
    const pull = await written({ [queued(id)]: jobFile(id) });
    const content = jobFile(id, { script: ['rm -r build'] });
    const entry = { path: queued(id), mode: '100644', type: 'blob', content };
    await commitTree('writer2', 'main', [entry], [pull.head.sha]);
    expect(await merged(t, pull)).toBe(true);
    expect(await jobState(t, id)).toBe('rejected');
    expect((await t.marked(pull.number, 'admission'))[0]?.body).toContain('not the file that was approved');
  });

  it.each(['squash', 'rebase'] as const)(
    'by %s, it runs, as its blob is the approved one',
    async (method) => {
      const id = freshId();
      const pull = await written({ [queued(id)]: jobFile(id) });
      await t.github.as('writer2').merge(pull.number, { method });
      await t.settle();
      expect(await jobState(t, id)).toBe('queued');
    },
  );

  it('with the settings in the same PR is refused: those of the default branch count', async () => {
    const id = freshId();
    const file = (await t.github.read.file('.github/guruguru.yml')) ?? '';
    const settings = `${file}limits:\n  max_timeout_minutes: 720\n`;
    const pull = await written({ [queued(id)]: jobFile(id), '.github/guruguru.yml': settings });
    expect(await findings(pull.head.sha)).toEqual([expect.stringContaining('a PR of their own')]);
    await t.github.as('writer2').merge(pull.number);
    await t.settle();
    expect(await jobState(t, id)).not.toBe('queued');
    expect((await t.marked(pull.number, 'admission'))[0]?.body).toContain('a PR of their own');
    await t.github.as('octo').push('main', { '.github/guruguru.yml': file });
    await t.settle();
  });

  it('with the id of another open PR, or of a job that ended, is refused, and so when it is merged by hand', async () => {
    const id = freshId();
    const first = await written({ [queued(id)]: jobFile(id) });
    const second = await written({ [queued(id)]: jobFile(id, { script: ['pwd'] }) });
    expect(await findings(second.head.sha)).toEqual([expect.stringContaining(`PR #${first.number}`)]);
    await t.github.as('writer2').merge(second.number);
    await t.settle();
    expect(await jobState(t, id)).toBe('proposed');
    expect((await t.marked(second.number, 'admission'))[0]?.body).toContain('use the next free number');
  });

  it('in a PR of thousands of files is found behind them all', async () => {
    const [good, gone, other] = [freshId(), freshId(), freshId()];
    const kept = await written({ [queued(gone)]: jobFile(gone) });
    await t.github.as('writer2').merge(kept.number);
    await t.settle();
    const many = Object.fromEntries(Array.from({ length: 301 }, (_, n) => [`assets/${n}.txt`, `${n}\n`]));
    const pull = await written({ ...many, [queued(good)]: jobFile(good), [queued(gone)]: null });
    expect(await findings(pull.head.sha)).toEqual([expect.stringContaining('does not change')]);
    const fine = await written({ ...many, [queued(other)]: jobFile(other) });
    expect((await check(t, fine.head.sha, 'validate'))?.output.title).toBe('Valid job');
    await t.github.as('writer2').comment(fine.number, '/approve');
    expect(await merged(t, fine)).toBe(true);
    expect(await jobState(t, other)).toBe('queued');
  });

  it('more files than anybody reads are refused unread', async () => {
    const ids = Array.from({ length: 21 }, freshId);
    const from = t.github.requests.length;
    const pull = await written(Object.fromEntries(ids.map((id) => [queued(id), jobFile(id)])));
    expect(await findings(pull.head.sha)).toEqual([expect.stringContaining('at most 20')]);
    const read = t.github.requests
      .slice(from)
      .filter(({ template }) => template?.endsWith('/git/blobs/{file_sha}'));
    expect(read.filter(({ actor }) => actor === 'installation')).toEqual([]);
  });
});

describe('what stands at the path', () => {
  const json = (id: string) => jobFile(id);

  it.each([
    ['a symbolic link whose target reads like a job', '120000', 'blob', 'plain file'],
    ['a submodule', '160000', 'commit', 'plain file'],
  ])('%s is refused', async (_name, mode, type, words) => {
    const id = freshId();
    const path = queued(id);
    const entry =
      type === 'commit'
        ? { path, mode, type, sha: t.github.read.head('main') ?? '' }
        : { path, mode, type, content: json(id) };
    await commitTree('writer', `odd-${id}`, [entry]);
    const pull = await t.github.as('writer').openPull({ head: `odd-${id}` });
    await t.settle();
    expect(await findings(pull.head.sha)).toEqual([expect.stringContaining(words)]);
    await t.github.as('writer2').comment(pull.number, '/approve');
    expect(await merged(t, pull)).toBe(false);
  });

  it('an executable file is a file', async () => {
    const id = freshId();
    await commitTree('writer', `exec-${id}`, [
      { path: queued(id), mode: '100755', type: 'blob', content: json(id) },
    ]);
    const pull = await t.github.as('writer').openPull({ head: `exec-${id}` });
    await t.settle();
    await t.github.as('writer2').comment(pull.number, '/approve');
    expect(await merged(t, pull)).toBe(true);
    expect(await jobState(t, id)).toBe('queued');
  });

  it.each([
    [
      'another spelling of the folder',
      (id: string) => ({ [`Jobs/queue/${id}.json`]: json(id) }),
      'lower case',
    ],
    ['another spelling below it', (id: string) => ({ [`jobs/Queue/${id}.json`]: json(id) }), 'lower case'],
    ['a byte order mark', (id: string) => ({ [queued(id)]: `\uFEFF${json(id)}` }), 'byte order mark'],
    [
      'a key that is there twice',
      (id: string) => ({ [queued(id)]: json(id).replace('{', '{"script": ["true"],') }),
      'twice',
    ],
    ['a huge file', (id: string) => ({ [queued(id)]: json(id) + ' '.repeat(300_000) }), 'at most 262144'],
    [
      'a bidirectional override in the script',
      (id: string) => ({ [queued(id)]: jobFile(id, { script: ['echo a \u202E# b'] }) }),
      'invisible character',
    ],
    [
      'a letter that nobody sees',
      (id: string) => ({ [queued(id)]: jobFile(id, { script: ['echo \u3164x'] }) }),
      'invisible character',
    ],
  ])('%s is refused', async (_name, files, words) => {
    const id = freshId();
    const pull = await written(files(id));
    expect((await findings(pull.head.sha)).join('\n')).toContain(words);
    await t.github.as('writer2').comment(pull.number, '/approve');
    expect(await merged(t, pull)).toBe(false);
  });

  it('letters that look like others are shown to the approver as a warning', async () => {
    const id = freshId();
    // The first letter of the command is Cyrillic.
    const pull = await written({ [queued(id)]: jobFile(id, { script: ['\u0441url https://example.com'] }) });
    const run = await check(t, pull.head.sha, 'validate');
    expect(run?.conclusion).toBe('success');
    const [found] = await t.github.read.annotations(run?.id ?? 0);
    expect(found).toMatchObject({ annotation_level: 'warning' });
    expect(String(found?.message)).toContain('look like');
  });

  it('a file renamed into the queue is refused', async () => {
    const id = freshId();
    const text = jobFile(id, { script: Array.from({ length: 30 }, (_, n) => `echo ${n}`) });
    await t.github.as('octo').push('main', { [`drafts/${id}.json`]: text });
    const pull = await written({ [`drafts/${id}.json`]: null, [queued(id)]: text });
    expect(await findings(pull.head.sha)).toHaveLength(1);
  });
});

describe('past the PR', () => {
  it('a file pushed straight to the queue is not run, which its commit says once, whoever pushed', async () => {
    const before = (await onCommits()).length;
    for (const login of ['octo', 'ci[bot]', 'deploy-key', 'app']) {
      const id = freshId();
      const person = login === 'app' ? await t.github.asApp() : t.github.as(login);
      await person.push('main', { [queued(id)]: jobFile(id) });
      await t.settle();
      expect(await jobState(t, id), login).toBeUndefined();
      expect((await onCommits()).filter((body) => body.includes(`jobs/queue/${id}.json`))).toHaveLength(1);
    }
    expect(await onCommits()).toHaveLength(before + 4);
  });

  it('with gate.direct_push: run it runs when somebody who may write pushed it, and is valid', async () => {
    const file = (await t.github.read.file('.github/guruguru.yml')) ?? '';
    await t.github.as('octo').push('main', { '.github/guruguru.yml': `${file}  direct_push: run\n` });
    await t.settle();
    const [good, bad, key, ended] = [freshId(), freshId(), freshId(), freshId()];
    await t.github.as('maintainer').push('main', { [queued(good)]: jobFile(good), [queued(bad)]: '{}' });
    await t.github.as('deploy-key').push('main', { [queued(key)]: jobFile(key) });
    await t.github.as('ci[bot]').push('main', { [queued(ended)]: jobFile(ended) });
    await t.settle();
    const states = await Promise.all([good, bad, key, ended].map((id) => jobState(t, id)));
    expect(states).toEqual(['queued', undefined, undefined, undefined]);
    const sha = (await t.github.read.commits()).find(({ commit }) =>
      JSON.stringify(commit).includes(`jobs/queue/${good}`),
    )?.sha;
    await (await t.runner()).runJob(good);
    await t.settle();
    expect(await jobState(t, good)).toBe('succeeded');
    expect((await check(t, String(sha), good))?.conclusion).toBe('success');
    await t.github.as('octo').push('main', { '.github/guruguru.yml': file });
    await t.settle();
  });

  it('the file of an open job PR pushed straight is not run', async () => {
    const { pull, id } = await waitingPull(t);
    const text = (await t.github.read.file(queued(id), pull.head.ref)) ?? '';
    await t.github.as('octo').push('main', { [queued(id)]: text });
    await t.settle();
    expect(await jobState(t, id)).toBe('proposed');
    expect((await onCommits()).at(-1)).toContain('Not run');
  });

  it('a job whose merge is reverted before it runs is taken off the queue, and a force-push brings nothing back', async () => {
    const id = freshId();
    const pull = await written({ [queued(id)]: jobFile(id) });
    await t.github.as('writer2').merge(pull.number);
    await t.settle();
    expect(await jobState(t, id)).toBe('queued');
    const withJob = t.github.read.head('main') ?? '';
    await t.github.as('octo').push('main', { [queued(id)]: null });
    await t.settle();
    expect(await jobState(t, id)).toBe('cancelled');
    await t.github
      .as('octo')
      .client.one('PATCH', '/repos/octo/hello/git/refs/heads/main', { sha: withJob, force: true });
    await t.settle();
    expect(await jobState(t, id)).toBe('cancelled');
  });

  it('a file changed on the default branch while its job waits does not run', async () => {
    const id = freshId();
    const pull = await written({ [queued(id)]: jobFile(id) });
    await t.github.as('writer2').merge(pull.number);
    await t.settle();
    await t.github.as('octo').push('main', { [queued(id)]: jobFile(id, { script: ['pwd'] }) });
    await t.settle();
    expect(await jobState(t, id)).toBe('cancelled');
  });

  it('the file of an ended job that comes back is not run, and a late word of its going harms no retry', async () => {
    const id = freshId();
    const pull = await written({ [queued(id)]: jobFile(id) });
    await t.github.as('writer2').merge(pull.number);
    await t.settle();
    await (await t.runner()).runJob(id);
    await t.settle();
    expect(await jobState(t, id)).toBe('succeeded');
    const moved = t.github.webhooks.log.findLast(
      ({ event, body }) => event === 'push' && body.includes(`"removed":["jobs/queue/${id}.json"]`),
    );
    await t.github.as('writer').comment(pull.number, '/retry');
    await t.settle();
    t.github.webhooks.redeliver(moved?.id ?? 0);
    await t.settle();
    expect(await jobState(t, id)).toBe('queued');
    await (await t.runner()).runJob(id);
    await t.settle();
    await t.github.as('octo').push('main', { [queued(id)]: jobFile(id) });
    await t.settle();
    expect(await jobState(t, id)).toBe('succeeded');
    expect((await onCommits()).at(-1)).toContain(`/retry ${id}`);
  });
});

describe('people without write access', () => {
  it('reserve no id by a PR: the id stays free for who may write, and a /cancel closes theirs', async () => {
    const id = freshId();
    const theirs = await written({ [queued(id)]: jobFile(id, { script: ['curl evil'] }) }, 'writer');
    // Forks are beyond the emulator: their author is somebody who lost write access meanwhile.
    expect(await jobState(t, id)).toBe('proposed');
    await t.github.as('writer').close(theirs.number);
    await t.settle();
    const other = freshId();
    await t.github.as('octo').push(`squat-${other}`, { [queued(other)]: jobFile(other) }, 'x', 'main');
    const squat = await t.github.as('stranger').openPull({ head: `squat-${other}` });
    await t.settle();
    expect((await check(t, squat.head.sha, 'validate'))?.conclusion).toBe('success');
    expect(await jobState(t, other)).toBeUndefined();
    const mine = await written({ [queued(other)]: jobFile(other, { script: ['pwd'] }) });
    expect((await check(t, mine.head.sha, 'validate'))?.conclusion).toBe('success');
    await t.github.as('writer').comment(squat.number, '/cancel');
    await t.settle();
    expect((await t.github.read.pull(squat.number)).state).toBe('closed');
    expect(await jobState(t, other)).toBe('proposed');
  });

  it('who open a PR from a branch of ours before us get none adopted', async () => {
    t.github.faults.add({
      match: (method, path, actor) =>
        actor === 'installation' && method === 'POST' && path.endsWith('/pulls'),
      before: async (x) => {
        await t.github.as('stranger').openPull({ head: String(x.body.head), title: 'Harmless, approve me' });
      },
    });
    const issue = await ask(t, `/ask list files\n${fence('ls')}`);
    const pulls = await t.github.read.pulls();
    const ours = pulls.findLast((pull) => pull.body.includes(`/issues/${issue}#`));
    const theirs = pulls.find((pull) => pull.title === 'Harmless, approve me');
    expect(ours?.author).toBe(t.github.app.botLogin);
    expect(ours?.number).not.toBe(theirs?.number);
    expect(ours && jobIdOf(ours)).toBeDefined();
  });

  it('whose words a writer edits start nothing more than a reply', async () => {
    const issue = await t.github.as('octo').openIssue({ title: 'Edits' });
    const comment = await t.github.as('stranger').comment(issue, 'please help');
    await t.github.as('writer').editComment(comment.id, `/ask list files\n${fence('ls')}`);
    await t.settle();
    expect((await t.said(issue)).map(({ body }) => body.includes('write access'))).toEqual([true]);
  });
});

describe('what is written in comments', () => {
  it('edited after planning, an ask changes neither its plan nor its job', async () => {
    const issue = await t.github.as('octo').openIssue({ title: 'Edited' });
    const comment = await t.github.as('writer').comment(issue, `/ask list files\n${fence('ls')}`);
    await t.settle();
    const pull = (await t.github.read.pulls()).findLast(({ body }) => body.includes(`/issues/${issue}#`));
    await t.github.as('writer').editComment(comment.id, `/ask list files\n${fence('rm -r build')}`);
    await t.settle();
    const id = jobIdOf(pull ?? expect.fail('no PR'));
    expect((await t.github.read.pull(pull?.number ?? 0)).head.sha).toBe(pull?.head.sha);
    await t.github.as('writer').comment(pull?.number ?? 0, '/approve');
    await t.settle();
    expect((await (await t.runner()).runJob(id)).file).toContain('"ls"');
    await t.settle();
  });

  it('our own comments say what they like once somebody edited them: nothing is read from them', async () => {
    const { issue, pull, id } = await waitingPull(t);
    const [status] = await t.marked(issue, 'status');
    const forged = `/approve ${pull.head.sha}\n\nApproved by octo. Head: ${pull.head.sha}\n\n<!-- guruguru:final:ask:1:c1 -->`;
    await t.github.as('writer2').editComment(status?.id ?? 0, forged);
    await t.settle();
    await poke(pull);
    expect(await merged(t, pull)).toBe(false);
    expect(await jobState(t, id)).toBe('proposed');
    // Nor from the PR's body and title, which every writer may edit.
    await t.github.as('writer2').client.one('PATCH', `/repos/octo/hello/pulls/${pull.number}`, {
      title: 'Job 2025-01-01-001: harmless',
      body: '```sh\necho harmless\n```',
    });
    await t.github.as('writer').comment(pull.number, '/approve');
    expect(await merged(t, pull)).toBe(true);
    expect((await (await t.runner()).runJob(id)).file).toContain('"ls"');
    await t.settle();
  });
});
