import type { Scope } from '../github/scope.ts';
import { getAsk, patchAsk } from '../store/asks.ts';
import { listJobsForPull, patchJob } from '../store/jobs.ts';
import { askData } from '../store/row-data.ts';
import { enqueue } from '../store/work.ts';
import type { ObservedPull } from './observe-pull.ts';
import { recordPull } from './record-pull.ts';

/** A PR closed without a merge ends its proposed jobs and its ask; a reopened one is looked at again. */
export async function rejectPull(scope: Scope, seen: ObservedPull): Promise<void> {
  const jobs = await listJobsForPull(scope.store.db, scope.repo.id, seen.pull.number);
  const ask = seen.askKey ? await getAsk(scope.store.db, seen.askKey) : undefined;
  await scope.store.write(async (tx) => {
    for (const job of jobs) {
      if (job.state !== 'proposed') continue;
      await patchJob(tx, scope.repo.id, job.id, {
        state: 'rejected',
        reason: 'pull_closed',
        updated_at: scope.now(),
      });
    }
    await recordPull(tx, scope, seen.pull.number, { settled: 'rejected' });
    if (ask && ask.state !== 'ended') {
      const reason = askData(ask).endedBy ? 'cancelled' : 'rejected';
      await patchAsk(tx, ask.key, { state: 'ended', reason, updated_at: scope.now() });
      await enqueue(tx, `status:${ask.key}`);
    }
  });
}

/** A rejected PR that was opened again: its jobs are proposed again and its ask goes on. */
export async function reopenPull(scope: Scope, seen: ObservedPull): Promise<void> {
  const jobs = await listJobsForPull(scope.store.db, scope.repo.id, seen.pull.number);
  await scope.store.write(async (tx) => {
    for (const job of jobs) {
      if (job.state !== 'rejected') continue;
      await patchJob(tx, scope.repo.id, job.id, {
        state: 'proposed',
        reason: 'reopened',
        updated_at: scope.now(),
      });
    }
    await recordPull(tx, scope, seen.pull.number, { settled: null });
    if (seen.askKey) {
      await patchAsk(tx, seen.askKey, { state: 'proposed', reason: null, updated_at: scope.now() });
      await enqueue(tx, `status:${seen.askKey}`);
    }
  });
}
