import nock from 'nock';
import { describe, expect, it } from 'vitest';
import type { MergeMethod } from '../../src/github/types.ts';
import { API, createClient, never, pullJson, REPO, sha, useWire } from './wire.ts';

useWire();

const wanted = { head: 'guruguru/ask-c1', base: 'main', title: 'Job', body: 'Body' };
const lookup = { state: 'open', base: 'main', head: 'acme:guruguru/ask-c1', per_page: 100, page: 1 };

describe('ensurePull', () => {
  it('opens one', async () => {
    const client = createClient();
    nock(API).post(`${REPO}/pulls`, wanted).reply(201, pullJson());
    expect(await client.ensurePull(wanted, never)).toEqual({
      number: 5,
      headSha: sha('a'),
      url: 'https://github.com/acme/site/pull/5',
      adopted: false,
    });
  });

  it('a 502 whose write landed leaves one pull request, brought up to date', async () => {
    const client = createClient();
    nock(API).post(`${REPO}/pulls`).reply(502, {});
    await expect(client.ensurePull(wanted, never)).rejects.toMatchObject({ kind: 'unavailable' });
    nock(API)
      .post(`${REPO}/pulls`)
      .reply(422, {
        message: 'Validation Failed',
        errors: [{ message: 'A pull request already exists for acme:x.' }],
      });
    nock(API)
      .get(`${REPO}/pulls`)
      .query(lookup)
      .reply(200, [pullJson({ title: 'Old' })]);
    nock(API).patch(`${REPO}/pulls/5`, { title: 'Job', body: 'Body' }).reply(200, pullJson());
    expect(await client.ensurePull(wanted, never)).toMatchObject({ number: 5, adopted: true });
  });

  it('a 422 that means something else stays an error', async () => {
    const client = createClient();
    nock(API).post(`${REPO}/pulls`).reply(422, { message: 'No commits between main and x' });
    nock(API).get(`${REPO}/pulls`).query(lookup).reply(200, []);
    await expect(client.ensurePull(wanted, never)).rejects.toThrow('No commits between');
  });
});

describe('mergePull', () => {
  const options = { sha: sha('a'), allowed: ['merge', 'squash'] as MergeMethod[], title: 'Job (#5)' };
  const merge = () => createClient().mergePull(5, options, never);
  const put = (method = 'merge') =>
    nock(API).put(`${REPO}/pulls/5/merge`, {
      sha: sha('a'),
      merge_method: method,
      commit_title: 'Job (#5)',
    });
  const pull = (overrides: Record<string, unknown> = {}) =>
    nock(API).get(`${REPO}/pulls/5`).reply(200, pullJson(overrides));

  it('merges with the approved head', async () => {
    put().reply(200, { sha: sha('c'), merged: true, message: 'ok' });
    expect(await merge()).toEqual({ kind: 'merged', sha: sha('c') });
  });

  it('takes the next allowed method', async () => {
    put('merge').reply(405, { message: 'Merge commits are not allowed on this repository.' });
    put('squash').reply(200, { sha: sha('c') });
    expect(await merge()).toEqual({ kind: 'merged', sha: sha('c') });
  });

  it('says when no method is left', async () => {
    put('merge').reply(405, { message: 'Merge commits are not allowed on this repository.' });
    put('squash').reply(405, { message: 'Squash merges are not allowed on this repository.' });
    expect(await merge()).toMatchObject({ kind: 'method_not_allowed' });
  });

  it('409: the head moved', async () => {
    put().reply(409, { message: 'Head branch was modified. Review and try the merge again.' });
    pull({ head: { sha: sha('d'), ref: 'x', repo: null } });
    expect(await merge()).toEqual({ kind: 'head_moved', headSha: sha('d') });
  });

  it('a 502 whose merge landed counts as merged', async () => {
    put().reply(502, {});
    pull({ merged_at: '2026-01-01T00:00:00Z', state: 'closed', merge_commit_sha: sha('c') });
    expect(await merge()).toEqual({ kind: 'already_merged', sha: sha('c'), headSha: sha('a') });
  });

  it('a 502 whose merge did not land is an outage', async () => {
    put().reply(502, {});
    pull();
    await expect(merge()).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it.each([
    ['conflicts', 405, 'Pull Request is not mergeable', 'not_mergeable'],
    ['conflicts, 409', 409, 'Merge conflict', 'not_mergeable'],
    [
      'a missing review',
      405,
      'At least 1 approving review is required by reviewers with write access.',
      'blocked',
    ],
    ['a ruleset', 405, 'Repository rule violations found', 'blocked'],
  ])('%s', async (_name, status, message, kind) => {
    put().reply(status, { message });
    pull({ mergeable: false });
    expect(await merge()).toMatchObject({ kind });
  });

  it('a closed pull request', async () => {
    put().reply(405, { message: 'Pull Request is not mergeable' });
    pull({ state: 'closed' });
    expect(await merge()).toEqual({ kind: 'closed' });
  });

  it.each([
    ['the base moved in that moment', 'Base branch was modified. Review and try the merge again.', true],
    ['mergeability is not computed yet', 'Pull Request is not mergeable', null],
  ])('is due again soon when %s', async (_name, message, mergeable) => {
    put().reply(405, { message });
    pull({ mergeable });
    const error = await merge().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ kind: 'unavailable' });
    // No time of its own: it counts as a failure, so it is not asked for ever.
    expect((error as { retryAt: number | null }).retryAt).toBeNull();
  });

  it('a missing permission is an error, not an outcome', async () => {
    put().reply(403, { message: 'Resource not accessible by integration' });
    await expect(merge()).rejects.toMatchObject({ kind: 'forbidden' });
  });

  describe('under a merge queue', () => {
    const refuse = () => {
      put().reply(405, { message: 'Changes must be made through the merge queue' });
      pull();
    };
    // nock shows the predicate every request's body, whatever its path.
    const graphql = () =>
      nock(API).post(
        '/graphql',
        (body: { query?: string; variables?: object }) =>
          body.query?.includes('enqueuePullRequest') === true &&
          JSON.stringify(body.variables) === JSON.stringify({ id: 'PR_5', oid: sha('a') }),
      );

    it('enqueues the approved head', async () => {
      refuse();
      graphql().reply(200, { data: { enqueuePullRequest: { mergeQueueEntry: { id: 'MQE' } } } });
      expect(await merge()).toEqual({ kind: 'queued' });
    });

    it('is content with one that is queued already', async () => {
      refuse();
      graphql().reply(200, {
        errors: [{ type: 'UNPROCESSABLE', message: 'Pull request is already in the queue' }],
      });
      expect(await merge()).toEqual({ kind: 'queued' });
    });

    it('notices a head that moved meanwhile', async () => {
      refuse();
      graphql().reply(200, { errors: [{ type: 'UNPROCESSABLE', message: 'Head is out of date' }] });
      pull({ head: { sha: sha('d'), ref: 'x', repo: null } });
      expect(await merge()).toEqual({ kind: 'head_moved', headSha: sha('d') });
    });
  });
});

describe('reading pulls', () => {
  it('reads all pages of files up to 300', async () => {
    const client = createClient();
    const page = (n: number, size: number) =>
      Array.from({ length: size }, (_, at) => ({ filename: `${n}-${at}`, sha: sha('f'), status: 'added' }));
    for (const n of [1, 2, 3]) {
      nock(API).get(`${REPO}/pulls/5/files`).query({ per_page: 100, page: n }).reply(200, page(n, 100));
    }
    const { files, truncated } = await client.pullFiles(5, never);
    expect(files).toHaveLength(300);
    expect(truncated).toBe(true);
    expect(files[0]).toEqual({ path: '1-0', previousPath: null, status: 'added', blobSha: sha('f') });
  });

  it('clips a diff on a character', async () => {
    const client = createClient();
    nock(API)
      .get(`${REPO}/pulls/5`)
      .matchHeader('accept', 'application/vnd.github.v3.diff')
      .twice()
      .reply(200, 'diff あい', { 'content-type': 'text/plain; charset=utf-8' });
    expect(await client.pullDiff(5, 9, never)).toEqual({ text: 'diff あ', truncated: true });
    expect(await client.pullDiff(5, 11, never)).toEqual({ text: 'diff あい', truncated: false });
  });

  it('does without a diff that GitHub finds too large', async () => {
    const client = createClient();
    nock(API).get(`${REPO}/pulls/5`).reply(406, { message: 'the diff exceeded the maximum number of lines' });
    expect(await client.pullDiff(5, 9, never)).toEqual({ text: '', truncated: true });
  });
});
