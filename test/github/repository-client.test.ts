import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBudget } from '../../src/github/budget.ts';
import { isGitHubError } from '../../src/github/errors.ts';
import { createOctokits } from '../../src/github/octokit.ts';
import { createRepositoryClient, type RepositoryClient } from '../../src/github/repository-client.ts';
import type { EnsureCheckRun } from '../../src/github/types.ts';
import { type GitHubServer, startGitHub } from '../support/github/start-github.ts';
import { LIFTED, never, silentLog } from './wire.ts';

let github: GitHubServer;
let client: RepositoryClient;

beforeAll(async () => {
  github = await startGitHub();
  const octokits = createOctokits({
    appId: github.app.id,
    privateKey: github.app.privateKey,
    baseUrl: github.url,
    log: silentLog,
    version: '0.0.0-test',
  });
  client = createRepositoryClient({
    octokit: octokits.installation(github.app.installationId),
    owner: 'octo',
    name: 'hello',
    repoId: github.repository().id,
    budget: createBudget(LIFTED),
    appSlug: github.app.slug,
    appId: github.app.id,
  });
});

afterAll(async () => {
  await github.close();
});

/**
 * Performs a write three times: its answer is lost after it landed, it is repeated as a second attempt,
 * and once more. Some writes find out by themselves that they landed.
 */
async function repeatedly<T>(
  write: (search: boolean) => Promise<T>,
  lastWrite: RegExp,
  settles: 'throws' | 'recovers' = 'throws',
): Promise<T> {
  let failed = false;
  github.faults.add({
    match: (method, path) => method !== 'GET' && lastWrite.test(path),
    status: 502,
    afterWrite: true,
  });
  try {
    await write(false);
  } catch (error) {
    if (!isGitHubError(error, 'unavailable')) throw error;
    failed = true;
  }
  github.faults.clear();
  const second = await write(true);
  const third = await write(true);
  expect(third).toEqual(second);
  expect(failed).toBe(settles === 'throws');
  return second;
}

describe('every write, its answer lost once and then repeated, is there once', () => {
  let issue: number;
  let pull: number;
  let head: string;
  const branch = 'guruguru/ask-i1';
  const file = 'jobs/queue/2026-01-01-001.json';

  it('reaction', async () => {
    issue = await github.as('writer').openIssue({ title: 'Smoke', body: '/ask run it' });
    await repeatedly(() => client.react({ kind: 'i', id: issue }, 'eyes', never), /reactions/);
    expect(await github.read.reactions({ issue })).toEqual([`eyes by ${github.app.botLogin}`]);
  });

  it('comment', async () => {
    const options = { issue, key: 'status:ask:1:i1', body: 'Planning' };
    const { id } = await repeatedly(
      (search) => client.ensureComment({ ...options, search }, never),
      /comments$/,
    );
    const comments = await github.read.comments(issue);
    expect(comments.map((comment) => comment.id)).toEqual([id]);
    expect(await client.updateComment(id, { key: options.key, body: 'Done' }, never)).toBe('updated');
    const again = await client.ensureComment({ ...options, body: 'Done', search: true }, never);
    expect(again).toEqual({ id, created: false });
    expect(await client.comments(issue, {}, never)).toMatchObject([{ id, ours: true, thread: issue }]);
  });

  it('branch and commit', async () => {
    const base = await client.branchHead('main', never);
    if (base === null) throw new Error('no main');
    const options = { branch, base, files: [{ path: file, content: '{}\n' }], message: 'job' };
    const made = await repeatedly(() => client.ensureBranchCommit(options, never), /git\/refs$/);
    expect(made).toMatchObject({ kind: 'committed', adopted: true });
    if (made.kind !== 'committed') return;
    const change = { from: made.commitSha, files: [{ path: file, content: '{"v":2}\n' }], message: 'replan' };
    await client.updateBranch(branch, change, never);
    const updated = await client.updateBranch(branch, change, never);
    expect(updated).toMatchObject({ kind: 'committed', adopted: true });
    head = github.read.head(branch) ?? '';
    expect(await client.compare('main', branch, never)).toMatchObject({ status: 'ahead', aheadBy: 2 });
    expect(await client.matchingRefs('guruguru/', never)).toEqual([{ branch, sha: head }]);
  });

  it('pull request', async () => {
    const options = { head: branch, base: 'main', title: 'Job', body: 'Why' };
    const opened = await repeatedly(() => client.ensurePull(options, never), /\/pulls$/);
    pull = opened.number;
    expect(opened).toMatchObject({ headSha: head, adopted: true });
    expect((await github.read.pulls()).map((it) => it.number)).toEqual([pull]);
    const { files } = await client.pullFiles(pull, never);
    expect(files).toMatchObject([{ path: file, status: 'added' }]);
    const read = await client.readFile(file, head, never);
    expect(read).toMatchObject({ text: '{"v":2}\n', blobSha: files[0]?.blobSha });
  });

  it('check run with annotations', async () => {
    const options: Omit<EnsureCheckRun, 'search'> = {
      name: 'guruguru / validate',
      headSha: head,
      externalId: `validate:1:${pull}`,
      status: 'completed',
      conclusion: 'failure',
      title: 'Findings',
      summary: 'See the lines.',
      annotations: Array.from({ length: 70 }, (_, at) => ({
        path: file,
        startLine: 1,
        endLine: 1,
        level: 'failure',
        message: `finding ${at}`,
      })),
    };
    const { id } = await repeatedly(
      (search) => client.ensureCheckRun({ ...options, search }, never),
      /check-runs/,
    );
    expect(await client.checkRuns(head, { name: options.name }, never)).toMatchObject([
      { id, ours: true, externalId: options.externalId, annotationsCount: 70 },
    ]);
    expect(await github.read.annotations(id)).toHaveLength(70);
    expect(await client.updateCheckRun(id, { status: 'queued', title: 'Again', summary: '' }, never)).toBe(
      'updated',
    );
  });

  it('merge', async () => {
    await github.as('writer').review(pull, { event: 'APPROVE' });
    expect(await client.reviews(pull, never)).toMatchObject([
      { login: 'writer', state: 'APPROVED', commitSha: head },
    ]);
    const stale = {
      sha: (await client.branchHead('main', never)) ?? '',
      allowed: ['merge' as const],
      title: 'Job',
    };
    expect(await client.mergePull(pull, stale, never)).toEqual({ kind: 'head_moved', headSha: head });
    const options = { ...stale, sha: head };
    const merged = await repeatedly(() => client.mergePull(pull, options, never), /merge/, 'recovers');
    expect(merged).toEqual({ kind: 'already_merged', sha: github.read.head('main'), headSha: head });
  });

  it('report commit', async () => {
    const before = (await github.read.commits()).length;
    const outcome = await repeatedly(
      () =>
        client.commitFiles(
          {
            branch: 'main',
            message: 'report [skip ci]',
            files: async (at) =>
              (await at.readFile(file)) === null
                ? null
                : [
                    { path: file, content: null },
                    { path: 'jobs/done/2026-01/2026-01-01-001.json', content: '{}\n' },
                    { path: 'reports/jobs/2026-01-01-001.out', content: new Uint8Array([0, 255, 10]) },
                  ],
          },
          never,
        ),
      /git\/refs/,
      'recovers',
    );
    expect(outcome).toEqual({ kind: 'nothing', headSha: github.read.head('main') });
    expect(await github.read.commits()).toHaveLength(before + 1);
    expect(await github.read.file(file)).toBeUndefined();
    const out = await client.readFile('reports/jobs/2026-01-01-001.out', 'main', never);
    expect([...(out?.bytes ?? [])]).toEqual([0, 255, 10]);
  });

  it('commit comment', async () => {
    const sha = github.read.head('main') ?? '';
    const options = { key: 'job:1', body: 'Queued' };
    await repeatedly(() => client.commitComment(sha, options, never), /comments$/);
    expect((await client.commitComment(sha, options, never)).created).toBe(false);
  });

  it('sent nothing that GitHub’s description forbids', () => {
    expect(github.contractViolations).toEqual([]);
  });
});

describe('reads', () => {
  it('repository, permission, tree, threads', async () => {
    expect(await client.getRepository(never)).toMatchObject({
      id: client.repoId,
      fullName: 'octo/hello',
      defaultBranch: 'main',
      archived: false,
    });
    expect(await client.permission('writer', never)).toBe('write');
    expect(await client.permission('nobody-at-all', never)).toBe('none');
    const { entries } = await client.tree('main', { recursive: true }, never);
    const state = entries.find((entry) => entry.path === 'STATE.md');
    expect(state).toMatchObject({ type: 'blob', mode: '100644' });
    expect(new TextDecoder().decode(await client.readBlob(state?.sha ?? '', never))).toContain('# State');
    expect(await client.readFile('no/such.md', 'main', never)).toBeNull();
    expect(await client.branchHead('no-such', never)).toBeNull();
  });

  it('a review comment and a diff', async () => {
    const pull = await github.as('writer').openPull({ head: 'topic', files: { 'a.txt': 'hello\n' } });
    const made = await github
      .as('writer')
      .reviewComment(pull.number, { path: 'a.txt', body: '/ask why', line: 1 });
    expect(await client.reviewComment(made.id, never)).toMatchObject({
      body: '/ask why',
      path: 'a.txt',
      thread: pull.number,
      ours: false,
    });
    expect((await client.openPulls({ head: 'topic' }, never)).map((it) => it.number)).toEqual([pull.number]);
    const diff = await client.pullDiff(pull.number, 10_000, never);
    expect(diff.text).toContain('+hello');
    await client.closePull(pull.number, never);
    expect((await client.pull(pull.number, never)).state).toBe('closed');
  });
});
