import { publishComment } from '../github/publish.ts';
import type { Scope } from '../github/scope.ts';
import { messagesFor } from '../messages/messages.ts';
import { getAsk, patchAsk } from '../store/asks.ts';
import { goalKey, goalOfJob, listGoalsForPull, patchGoal } from '../store/goals.ts';
import { listJobsForPull, patchJob } from '../store/jobs.ts';
import { askData, withData } from '../store/row-data.ts';
import type { AskRow } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';
import type { ObservedPull } from './observe-pull.ts';
import { recordPull } from './record-pull.ts';

/** A PR closed without a merge ends its proposed jobs and its ask; a reopened one is looked at again. */
export async function rejectPull(scope: Scope, seen: ObservedPull): Promise<void> {
  const jobs = await listJobsForPull(scope.store.db, scope.repo.id, seen.pull.number);
  const ask = seen.askKey ? await getAsk(scope.store.db, seen.askKey) : undefined;
  if (ask && ask.state !== 'ended') await sayEnded(scope, ask);
  const goals = await listGoalsForPull(scope.store.db, scope.repo.id, seen.pull.number);
  await scope.store.write(async (tx) => {
    for (const goal of goals) {
      if (goal.state === 'proposed')
        await patchGoal(tx, scope.repo.id, goal.id, { state: 'rejected', updated_at: scope.now() });
    }
    for (const job of jobs) {
      if (job.state !== 'proposed') continue;
      await patchJob(tx, scope.repo.id, job.id, {
        state: 'rejected',
        reason: 'pull_closed',
        updated_at: scope.now(),
      });
      const goal = await goalOfJob(tx, scope.repo.id, job.id);
      if (goal) await enqueue(tx, goalKey(goal));
    }
    // A yes from before does not outlive the no: opened again, it waits for another.
    await recordPull(tx, scope, seen.pull.number, {
      settled: 'rejected',
      cancelled: false,
      approval: null,
      approvals: [],
      override: null,
    });
    if (ask && ask.state !== 'ended') {
      const reason = askData(ask).endedBy ? 'cancelled' : 'rejected';
      await patchAsk(tx, ask.key, { state: 'ended', reason, updated_at: scope.now() });
      await enqueue(tx, `status:${ask.key}`);
    }
  });
}

/** The final reply of an ask whose PR was closed, by hand or by `/cancel`. */
async function sayEnded(scope: Scope, ask: AskRow): Promise<void> {
  const m = messagesFor(ask.language);
  const by = askData(ask).endedBy ?? null;
  const trigger = scope.settings.trigger;
  const body = by ? m.nextAskCancelled({ by }) : m.nextRejected({ by, trigger });
  await publishComment(scope, { issue: ask.thread, key: `final:${ask.key}`, body });
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
    for (const goal of await listGoalsForPull(tx, scope.repo.id, seen.pull.number)) {
      if (goal.state === 'rejected')
        await patchGoal(tx, scope.repo.id, goal.id, { state: 'proposed', updated_at: scope.now() });
    }
    await recordPull(tx, scope, seen.pull.number, { settled: null });
    const ask = seen.askKey ? await getAsk(tx, seen.askKey) : undefined;
    if (ask) {
      const data = withData(askData(ask), { endedBy: null });
      await patchAsk(tx, ask.key, { state: 'proposed', reason: null, data, updated_at: scope.now() });
      await enqueue(tx, `status:${ask.key}`);
    }
  });
}
