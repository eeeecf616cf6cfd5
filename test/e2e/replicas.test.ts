import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type WriteWatch, watchWrites } from '../support/github/write-watch.ts';
import { patiently } from '../support/patiently.ts';
import { type Replicas, startReplicas } from '../support/replicas.ts';
import { createScriptedRunner } from '../support/scripted-runner.ts';

const ASKS = 24;
const MARKS = Array.from({ length: ASKS }, (_, n) => `mark-${String(n + 1).padStart(2, '0')}`);
/** What every ask writes, each exactly once however many apps there are. */
const ONCE = [
  'reaction',
  'status comment',
  'job PR',
  'validate check',
  'merge',
  'job check queued',
  'report branch',
  'final reply',
] as const;

describe('three apps on one Postgres, one of which is killed while it holds work', () => {
  let r: Replicas;
  let watch: WriteWatch;
  const owners = new Set<unknown>();
  const started: string[] = [];
  let killed = '';

  beforeAll(async () => {
    // The product waits 30 s for an app that is gone.
    r = await startReplicas(3, { holdMs: 5_000, reconcile: 'off' });
    watch = watchWrites(r.github);
    const octo = r.github.as('octo');
    const [held = ''] = MARKS;
    const reached = watch.hold(held, 'job PR', 'landed');
    for (const mark of MARKS) {
      const thread = await octo.openIssue({ title: mark });
      r.github.webhooks.hold();
      const { id: comment } = await octo.comment(thread, `/ask\n\`\`\`sh\necho ${mark}\n\`\`\``);
      watch.watch({ mark, comment, thread });
      r.github.webhooks.release();
    }
    await reached;
    const [row] = await r.query(
      `select work.owner from work join asks on asks.key = work.key where asks.text like '%${held}%'`,
    );
    const victim = r.apps.find(({ owner }) => owner === row?.owner);
    expect(victim).toBeDefined();
    killed = victim?.owner ?? '';
    victim?.process.kill('SIGKILL');
    await victim?.process.exited;
    watch.cut();

    const watching = setInterval(async () => {
      for (const { owner } of await r.query('select distinct owner from work where owner is not null'))
        owners.add(owner);
    }, 50);
    await Promise.all(['one', 'two', 'three'].map((name) => takeJobs(name)));
    await r.nothingDue(60_000);
    clearInterval(watching);
  }, 240_000);
  afterAll(() => r?.close());

  /** A resident runner, whose calls reach another app each time. */
  async function takeJobs(name: string): Promise<void> {
    const runner = createScriptedRunner({ url: r.balancer.url, token: r.token, name });
    while (started.length < ASKS) {
      const offer = await patiently(() => runner.acquire(1));
      if (!offer) continue;
      started.push(offer.job_id);
      await patiently(() => runner.start(offer));
      await patiently(() => runner.finish(offer));
    }
  }

  it('ends every ask, each of its writes made once', async () => {
    const counts = MARKS.map((mark) => ({
      mark,
      ...Object.fromEntries(ONCE.map((w) => [w, watch.count(mark, w)])),
    }));
    expect(counts).toEqual(MARKS.map((mark) => ({ mark, ...Object.fromEntries(ONCE.map((w) => [w, 1])) })));
    const asks = await r.query('select state, reason, count(*)::int as count from asks group by 1, 2');
    expect(asks).toEqual([{ state: 'ended', reason: 'succeeded', count: ASKS }]);
  });

  it('gives every job to one runner once, whichever app it asks', async () => {
    expect(started).toHaveLength(ASKS);
    expect(new Set(started).size).toBe(ASKS);
    expect([...r.balancer.answered.values()].every((count) => count > 0)).toBe(true);
  });

  it('leaves nothing of the dead one to it', async () => {
    expect(owners.size).toBeGreaterThan(1);
    expect(await r.query(`select key from work where owner = '${killed}' and key <> 'leases'`)).toEqual([]);
  });

  it('tells a runner of a cancel at once, though it waits at another app', async () => {
    const [here, there] = r.apps.filter(({ owner }) => owner !== killed);
    const runner = createScriptedRunner({ url: here?.url ?? '', token: r.token, name: 'waiter' });
    r.github.webhooks.setUrl(`${there?.url}/api/github/webhooks`);
    const octo = r.github.as('octo');
    const thread = await octo.openIssue({ title: 'Long' });
    await octo.comment(thread, '/ask\n```sh\nsleep 600\n```');
    const offer = await vi.waitFor(
      async () => {
        const found = await runner.acquire(5);
        if (!found) throw new Error('nothing yet');
        return found;
      },
      { timeout: 20_000 },
    );
    await runner.start(offer);
    const begin = performance.now();
    const waiting = runner.wait(offer, 15);
    await octo.comment(thread, '/cancel');
    expect(await waiting).toMatchObject({ cancel: true });
    // Without word from the other app it would be heard when the wait of 15 s is over.
    expect(performance.now() - begin).toBeLessThan(12_000);
  });
});
