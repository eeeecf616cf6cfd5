import { isSaid, publishComment } from '../github/publish.ts';
import type { Scope } from '../github/scope.ts';
import { patchAsk } from '../store/asks.ts';
import type { JobRow } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';
import { renderFinalReply } from './final-reply.ts';
import { type JobView, readableTail } from './job-view.ts';

/** A result that came after the job was given up as lost is told in a reply of its own. */
export function replyKey(row: Pick<JobRow, 'repo_id' | 'id' | 'attempt'>, lost: boolean): string {
  return `final:job:${row.repo_id}:${row.id}:${Math.max(1, row.attempt)}${lost ? ':lost' : ''}`;
}

/** The reply is there, and its ask has ended with it. */
export async function isReplied(scope: Scope, view: JobView): Promise<boolean> {
  const said = await isSaid(scope.store, replyKey(view.row, view.outcome?.verdict === 'lost'));
  return said && (view.ask?.state ?? 'ended') === 'ended';
}

/** The one short final reply: where the ask was written, or on the job PR of a job nobody asked for. */
export async function replyResult(scope: Scope, view: JobView): Promise<void> {
  const { row, ask, outcome } = view;
  const thread = ask?.thread ?? row.pr_number;
  if (thread && outcome) {
    // A job that only reads has nothing to take back.
    const undo =
      view.job.effect === 'read'
        ? undefined
        : typeof view.job.undo === 'string'
          ? view.job.undo
          : view.job.undo?.join('\n');
    const body = renderFinalReply({
      kind: 'result',
      language: view.language,
      timeZone: view.timeZone,
      trigger: view.trigger,
      jobId: row.id,
      ...(view.job.title ? { title: view.job.title } : {}),
      outcome,
      runner: view.run?.runner ?? null,
      attempt: Math.max(1, row.attempt),
      log: await readableTail(scope, view),
      links: view.links,
      ...(view.entry?.agent?.message ? { message: view.entry.agent.message } : {}),
      ...(view.change ? { change: view.change } : {}),
      ...(undo ? { undo } : {}),
    });
    await publishComment(scope, { issue: thread, key: replyKey(row, outcome.verdict === 'lost'), body });
  }
  if (!ask) return;
  await scope.store.write(async (tx) => {
    await patchAsk(tx, ask.key, { state: 'ended', reason: row.state, updated_at: scope.now() });
    await enqueue(tx, `status:${ask.key}`);
  });
}
