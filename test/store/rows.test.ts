import { describe, expect, it } from 'vitest';
import {
  findAskByPull,
  getAsk,
  insertAsk,
  listAsksForThread,
  listOpenAsks,
  patchAsk,
} from '../../src/store/asks.ts';
import { getCommand, insertCommand, patchCommand } from '../../src/store/commands.ts';
import {
  insertJob,
  listJobIds,
  listJobsByState,
  listJobsForAsk,
  listJobsForPull,
  listJobsForThread,
} from '../../src/store/jobs.ts';
import { appendLog, readLog, readLogTail } from '../../src/store/logs.ts';
import { listModelCalls, recordModelCall } from '../../src/store/model-calls.ts';
import { getPlan, insertPlan, latestPlan, listPlans } from '../../src/store/plans.ts';
import { contentDigest, deletePublished, getPublished, putPublished } from '../../src/store/published.ts';
import { getPull, listPulls, putPull } from '../../src/store/pulls.ts';
import {
  findRepository,
  getRepository,
  listRepositories,
  patchRepository,
  putRepository,
} from '../../src/store/repositories.ts';
import { listLiveRunners, putRunner } from '../../src/store/runners.ts';
import type { AskRow, CommandRow, PlanRow, RunnerRow } from '../../src/store/tables.ts';
import {
  createToken,
  findToken,
  listTokens,
  revokeToken,
  tokenRepositories,
} from '../../src/store/tokens.ts';
import { BACKENDS, emptyPlace } from '../support/backends.ts';
import { jobRow, repositoryRow, tempStore } from '../support/store.ts';

function askRow(changes: Partial<AskRow> = {}): AskRow {
  return {
    key: 'ask:1:c1',
    repo_id: 1,
    thread: 7,
    source: 'c',
    source_id: 1,
    on_pull: 0,
    login: 'ada',
    text: 'x',
    edited: 0,
    language: 'en',
    state: 'received',
    reason: null,
    revision: 0,
    job_id: null,
    pr_number: null,
    data: '{}',
    created_at: 1,
    updated_at: 1,
    ...changes,
  };
}

describe.each(BACKENDS)('on %s', (backend) => {
  const open = async () => tempStore(await emptyPlace(backend));

  describe('repositories', () => {
    it('are found by id and by name without regard to case, unless they are gone', async () => {
      const store = await open();
      await store.write((tx) => putRepository(tx, repositoryRow()));
      await store.write((tx) => putRepository(tx, repositoryRow({ default_branch: 'trunk' })));
      expect(await getRepository(store.db, 1)).toMatchObject({ default_branch: 'trunk' });
      expect(await findRepository(store.db, 'ACME', 'site')).toMatchObject({ id: 1 });
      await store.write((tx) => patchRepository(tx, 1, { state: 'gone' }));
      expect(await findRepository(store.db, 'Acme', 'Site')).toBeUndefined();
      expect(await listRepositories(store.db, 'active')).toEqual([]);
      expect(await listRepositories(store.db)).toHaveLength(1);
    });
  });

  describe('asks', () => {
    it('are inserted once, patched, and listed by thread and by their pull', async () => {
      const store = await open();
      expect(await store.write((tx) => insertAsk(tx, askRow()))).toBe(true);
      expect(await store.write((tx) => insertAsk(tx, askRow({ text: 'other' })))).toBe(false);
      await store.write((tx) => insertAsk(tx, askRow({ key: 'ask:1:c2', thread: 8, state: 'ended' })));
      await store.write((tx) => patchAsk(tx, 'ask:1:c1', { state: 'proposed', pr_number: 12 }));
      expect(await getAsk(store.db, 'ask:1:c1')).toMatchObject({ text: 'x', state: 'proposed' });
      expect((await listAsksForThread(store.db, 1, 7)).map((ask) => ask.key)).toEqual(['ask:1:c1']);
      expect((await listOpenAsks(store.db, 1)).map((ask) => ask.key)).toEqual(['ask:1:c1']);
      expect(await findAskByPull(store.db, 1, 12)).toMatchObject({ key: 'ask:1:c1' });
      expect(await findAskByPull(store.db, 2, 12)).toBeUndefined();
    });
  });

  describe('commands, plans, pulls, published, model calls', () => {
    it('keep the first command', async () => {
      const store = await open();
      const row: CommandRow = {
        key: 'command:1:c5',
        repo_id: 1,
        thread: 7,
        on_pull: 0,
        name: 'retry',
        args: '',
        login: 'ada',
        source: 'c',
        source_id: 5,
        language: 'en',
        written_at: 1,
        state: 'received',
        reply: null,
        created_at: 1,
      };
      expect(await store.write((tx) => insertCommand(tx, row))).toBe(true);
      expect(await store.write((tx) => insertCommand(tx, { ...row, name: 'help' }))).toBe(false);
      await store.write((tx) => patchCommand(tx, row.key, { state: 'ended' }));
      expect(await getCommand(store.db, row.key)).toMatchObject({ name: 'retry', state: 'ended' });
    });

    it('never replace a stored plan', async () => {
      const store = await open();
      const plan = (revision: number, body: string): PlanRow => ({
        ask_key: 'a',
        revision,
        kind: 'job',
        body,
        prompt_digest: '',
        model: 'm',
        input_tokens: 1,
        output_tokens: 2,
        created_at: 1,
      });
      expect(await store.write((tx) => insertPlan(tx, plan(1, 'one')))).toBe(true);
      expect(await store.write((tx) => insertPlan(tx, plan(1, 'changed')))).toBe(false);
      await store.write((tx) => insertPlan(tx, plan(2, 'two')));
      expect(await getPlan(store.db, 'a', 1)).toMatchObject({ body: 'one' });
      expect(await latestPlan(store.db, 'a')).toMatchObject({ body: 'two' });
      expect(await listPlans(store.db, 'a')).toHaveLength(2);
    });

    it('replace pulls and published rows by key', async () => {
      const store = await open();
      const pull = { repo_id: 1, number: 3, ask_key: null, data: '{}', updated_at: 1 };
      await store.write((tx) => putPull(tx, pull));
      await store.write((tx) => putPull(tx, { ...pull, data: '{"url":"u"}' }));
      expect(await getPull(store.db, 1, 3)).toMatchObject({ data: '{"url":"u"}' });
      expect(await listPulls(store.db, 1)).toHaveLength(1);

      const published = { key: 'status:a', github_id: 5, digest: contentDigest('x'), updated_at: 1 };
      await store.write((tx) => putPublished(tx, published));
      await store.write((tx) => putPublished(tx, { ...published, github_id: 6 }));
      expect(await getPublished(store.db, 'status:a')).toMatchObject({ github_id: 6 });
      await store.write((tx) => deletePublished(tx, 'status:a'));
      expect(await getPublished(store.db, 'status:a')).toBeUndefined();
    });

    it('count a model call once', async () => {
      const store = await open();
      const call = {
        id: 'x',
        ask_key: 'a',
        model: 'm',
        input_tokens: 1,
        output_tokens: 2,
        outcome: 'ok',
        at: 1,
      };
      await store.write((tx) => recordModelCall(tx, { ...call, output_tokens: 0, outcome: 'unanswered' }));
      await store.write((tx) => recordModelCall(tx, call));
      expect(await listModelCalls(store.db, 'a')).toEqual([call]);
    });
  });

  describe('jobs', () => {
    it('are listed by state, ask, pull, thread and day', async () => {
      const store = await open();
      await store.write(async (tx) => {
        await insertAsk(tx, askRow());
        await insertJob(
          tx,
          jobRow({ id: '2025-11-22-001', ask_key: 'ask:1:c1', pr_number: 12, queued_at: 9 }),
        );
        await insertJob(tx, jobRow({ id: '2025-11-22-002', pr_number: 7, queued_at: 5 }));
        await insertJob(tx, jobRow({ id: '2025-11-23-001', state: 'failed' }));
        await insertJob(tx, jobRow({ id: '2025-11-22-009', repo_id: 2, queued_at: 1 }));
        expect(await insertJob(tx, jobRow({ id: '2025-11-22-001', state: 'lost' }))).toBe(false);
      });
      const ids = (rows: { id: string }[]) => rows.map((row) => row.id);
      expect(ids(await listJobsByState(store.db, ['queued'], 1))).toEqual([
        '2025-11-22-002',
        '2025-11-22-001',
      ]);
      expect(await listJobsByState(store.db, ['queued'])).toHaveLength(3);
      expect(ids(await listJobsForAsk(store.db, 'ask:1:c1'))).toEqual(['2025-11-22-001']);
      expect(ids(await listJobsForPull(store.db, 1, 12))).toEqual(['2025-11-22-001']);
      expect(ids(await listJobsForThread(store.db, 1, 7))).toEqual(['2025-11-22-001', '2025-11-22-002']);
      expect(await listJobIds(store.db, 1, '2025-11-22-')).toEqual(['2025-11-22-001', '2025-11-22-002']);
      expect(await listJobIds(store.db, 1, '')).toHaveLength(3);
    });
  });

  describe('logs', () => {
    it('are read whole or from their end', async () => {
      const store = await open();
      await store.write(async (tx) => {
        await appendLog(tx, 'r', 0, Buffer.from('hello '));
        await appendLog(tx, 'r', 6, Buffer.from('wor'));
        await appendLog(tx, 'r', 9, Buffer.from('ld'));
      });
      expect((await readLog(store.db, 'r')).toString()).toBe('hello world');
      expect((await readLogTail(store.db, 'r', 4)).toString()).toBe('orld');
      expect((await readLogTail(store.db, 'r', 400)).toString()).toBe('hello world');
      expect((await readLog(store.db, 'none')).length).toBe(0);
    });
  });

  describe('tokens and runners', () => {
    it('keep only the hash of a token, and forget a revoked one', async () => {
      const store = await open();
      const made = await store.write((tx) => createToken(tx, 'devbox', ['Acme/Site'], 5));
      expect(made.token).toMatch(/^ggr_[A-Za-z0-9_-]{43}$/);
      const [row] = await listTokens(store.db);
      expect(JSON.stringify(row)).not.toContain(made.token);
      expect(row && tokenRepositories(row)).toEqual(['acme/site']);
      expect(await findToken(store.db, made.token)).toMatchObject({ id: made.id, name: 'devbox' });
      expect(await findToken(store.db, `${made.token}x`)).toBeUndefined();
      await store.write((tx) => revokeToken(tx, made.id, 6));
      expect(await findToken(store.db, made.token)).toBeUndefined();
    });

    it('list the live runners of a repository', async () => {
      const store = await open();
      const site = await store.write((tx) => createToken(tx, 'a', ['acme/site'], 5));
      const other = await store.write((tx) => createToken(tx, 'b', ['acme/other'], 5));
      const runner = (changes: Partial<RunnerRow>): RunnerRow => ({
        token_id: site.id,
        name: 'devbox',
        process: 'p1',
        labels: '["linux"]',
        capabilities: '["kubectl"]',
        version: '1',
        run_id: null,
        draining: 0,
        seen_at: 100,
        ...changes,
      });
      await store.write(async (tx) => {
        await putRunner(tx, runner({}));
        await putRunner(tx, runner({ seen_at: 200 }));
        await putRunner(tx, runner({ name: 'gone', seen_at: 10 }));
        await putRunner(tx, runner({ name: 'elsewhere', token_id: other.id }));
      });
      expect(await listLiveRunners(store.db, 'Acme/Site', 50)).toEqual([
        {
          name: 'devbox',
          labels: ['linux'],
          capabilities: ['kubectl'],
          version: '1',
          runId: null,
          draining: false,
          seenAt: 200,
        },
      ]);
      await store.write((tx) => revokeToken(tx, site.id, 300));
      expect(await listLiveRunners(store.db, 'acme/site', 50)).toEqual([]);
    });
  });
});
