import { publishComment } from '../github/publish.ts';
import type { Scope } from '../github/scope.ts';
import { messagesFor } from '../messages/messages.ts';
import { announce } from '../store/announce.ts';
import { listAsksForThread, patchAsk } from '../store/asks.ts';
import { getJob, patchJob } from '../store/jobs.ts';
import { askData, withData } from '../store/row-data.ts';
import type { Tx } from '../store/store.ts';
import type { AskRow } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';
import { finalKey } from './refuse-ask.ts';

/** Announced when somebody cancels an ask, so that a planning under way is given up at once. */
export const cancelTopic = (askKey: string) => `cancel:${askKey}`;

/** Marks the asks of a thread that are being planned; whoever works on them ends them. Resolves to how many. */
export async function cancelPlanning(tx: Tx, repoId: number, thread: number, login: string): Promise<number> {
  const asks = await listAsksForThread(tx, repoId, thread);
  const planning = asks.filter((ask) => ask.state === 'accepted' || ask.state === 'planned');
  for (const ask of planning) {
    await patchAsk(tx, ask.key, { data: withData(askData(ask), { endedBy: login }) });
    await enqueue(tx, ask.key);
    announce(tx, cancelTopic(ask.key));
  }
  return planning.length;
}

/** Ends an ask that was cancelled before it had a PR: the final reply, then the rows. */
export async function endCancelled(scope: Scope, ask: AskRow): Promise<void> {
  const by = askData(ask).endedBy ?? null;
  const body = messagesFor(ask.language).nextAskCancelled({ by });
  await publishComment(scope, { issue: ask.thread, key: finalKey(ask.key), body });
  await scope.store.write(async (tx) => {
    await patchAsk(tx, ask.key, { state: 'ended', reason: 'cancelled', updated_at: scope.now() });
    // Its id may be reserved already.
    const job = ask.job_id ? await getJob(tx, ask.repo_id, ask.job_id) : undefined;
    if (job?.state === 'proposed' && job.ask_key === ask.key) {
      await patchJob(tx, job.repo_id, job.id, {
        state: 'rejected',
        reason: 'cancelled',
        updated_at: scope.now(),
      });
    }
    await enqueue(tx, `status:${ask.key}`);
  });
}
