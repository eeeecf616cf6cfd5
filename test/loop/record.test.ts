import { describe, expect, it } from 'vitest';
import type { Due } from '../../src/loop/due.ts';
import { recordEvent } from '../../src/loop/record.ts';
import { listOpenAsks } from '../../src/store/asks.ts';
import { insertJob } from '../../src/store/jobs.ts';
import { getPull, putPull } from '../../src/store/pulls.ts';
import { getRepository, putRepository } from '../../src/store/repositories.ts';
import { pullData } from '../../src/store/row-data.ts';
import type { RepositoryRow } from '../../src/store/tables.ts';
import { jobRow, repositoryRow, tempStore } from '../support/store.ts';

const repository = (changes: { archived?: boolean } = {}) => ({
  repository: {
    id: 1,
    name: 'Site',
    owner: { login: 'Acme' },
    default_branch: 'main',
    ...changes,
  },
  installation: { id: repositoryRow().installation_id },
});

async function withRepository(state: RepositoryRow['state'] = 'active') {
  const store = await tempStore();
  await store.write((tx) => putRepository(tx, repositoryRow({ state })));
  const keys = async () =>
    (await store.db.selectFrom('work').select('key').execute()).map(({ key }) => key).sort();
  const tell = (due: Due[], payload: object = repository(), delivery = 'd1') =>
    recordEvent(store, 'any', payload, due, delivery);
  return { store, keys, tell };
}

const click = (changes: Partial<Extract<Due, { kind: 'button' }>> = {}): Due => ({
  kind: 'button',
  repoId: 1,
  checkRunId: 9,
  externalId: 'validate:1:7',
  headSha: 'a'.repeat(40),
  action: 'approve',
  login: 'octo',
  pulls: [],
  ...changes,
});

describe('a click on a check run', () => {
  it('becomes the command it stands for, once per delivery', async () => {
    const { store, keys, tell } = await withRepository();
    await tell([click()]);
    await tell([click()]);
    const [command, ...more] = await store.db.selectFrom('commands').selectAll().execute();
    expect(command).toMatchObject({
      name: 'approve',
      thread: 7,
      args: 'a'.repeat(40),
      login: 'octo',
      source: 'b',
    });
    expect(more).toEqual([]);
    expect(await keys()).toEqual(['command:1:b9-d1']);
    await tell([click()], repository(), 'd2');
    expect(await keys()).toHaveLength(2);
  });

  it.each([
    ['another app’s check run', { externalId: 'build-77' }],
    ['a check run of another repository', { externalId: 'validate:2:7' }],
    ['an action that is none of ours', { action: 'deploy' }],
    ['a merge group, which has no PR', { externalId: 'validate:1:group' }],
  ])('on %s is nothing', async (_, changes) => {
    const { keys, tell } = await withRepository();
    await tell([click(changes)]);
    expect(await keys()).toEqual([]);
  });

  it('on the check run of a job nobody knows names its commit, which names the PR', async () => {
    const { store, tell } = await withRepository();
    await tell([click({ externalId: 'job:1:2025-11-22-009:1', action: 'retry' })]);
    expect(await store.db.selectFrom('commands').selectAll().executeTakeFirst()).toMatchObject({
      thread: 0,
      args: `2025-11-22-009 ${'a'.repeat(40)}`,
    });
  });

  it('on a job’s check run answers on the PR of that job', async () => {
    const { store, tell } = await withRepository();
    await store.write((tx) => insertJob(tx, jobRow({ id: '2025-11-22-001', pr_number: 12 })));
    await tell([click({ externalId: 'job:1:2025-11-22-001:1', action: 'retry', pulls: [3] })]);
    expect(await store.db.selectFrom('commands').selectAll().executeTakeFirst()).toMatchObject({
      name: 'retry',
      thread: 12,
      args: '2025-11-22-001',
    });
  });
});

describe('what an event says of its repository', () => {
  it('ends no suspension, which has an event of its own', async () => {
    const { store, tell } = await withRepository('suspended');
    await tell([]);
    expect((await getRepository(store.db, 1))?.state).toBe('suspended');
    await tell([{ kind: 'installation', id: repositoryRow().installation_id, state: 'active' }], {});
    expect((await getRepository(store.db, 1))?.state).toBe('active');
  });

  it.each<[RepositoryRow['state'], string[]]>([
    ['archived', []],
    // Who knows what happened there meanwhile.
    ['gone', ['survey:1']],
  ])('that was %s wakes what waits', async (state, also) => {
    const { store, keys, tell } = await withRepository(state);
    await store.write((tx) =>
      insertJob(tx, jobRow({ id: '2025-11-22-001', pr_number: 12, state: 'queued' })),
    );
    expect(await listOpenAsks(store.db, 1)).toEqual([]);
    await tell([]);
    expect(await keys()).toEqual(['job:1:2025-11-22-001', 'pr:1:12', ...also]);
  });

  it('that is archived is remembered', async () => {
    const { store, tell } = await withRepository();
    await tell([], repository({ archived: true }));
    expect((await getRepository(store.db, 1))?.state).toBe('archived');
  });
});

describe('a PR that left the merge queue', () => {
  const left = (reason: string): Due => ({ kind: 'dequeued', repoId: 1, number: 7, reason });

  it.each([
    ['CI_FAILURE', 'It was removed from the merge queue: CI_FAILURE'],
    ['MERGE', undefined],
  ])('for %s', async (reason, dequeued) => {
    const { store, tell } = await withRepository();
    const row = { repo_id: 1, number: 7, ask_key: null, updated_at: 0 };
    await store.write((tx) => putPull(tx, { ...row, data: JSON.stringify({ queuedSha: 'a' }) }));
    await tell([left(reason)]);
    expect(pullData(await getPull(store.db, 1, 7)).dequeued).toBe(dequeued);
  });
});
