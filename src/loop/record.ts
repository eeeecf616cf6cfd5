import { announce } from '../store/announce.ts';
import { insertAsk, listOpenAsks } from '../store/asks.ts';
import { insertCommand } from '../store/commands.ts';
import { goalKey, listOpenGoals } from '../store/goals.ts';
import { listJobsByState, listUnfinishedJobs, QUEUE_TOPIC } from '../store/jobs.ts';
import { getPull, putPull } from '../store/pulls.ts';
import { getRepository, patchRepository, putRepository } from '../store/repositories.ts';
import { pullData, withData } from '../store/row-data.ts';
import { listSchedules } from '../store/schedules.ts';
import type { Store, Tx } from '../store/store.ts';
import { holdForSurvey } from '../store/surveys.ts';
import { enqueue } from '../store/work.ts';
import { type Due, type RepositoryFact, repositoryFact } from './due.ts';
import { fileKey } from './file-work.ts';
import { repositoryOf } from './work.ts';

/**
 * Records what an event tells and makes due, in one transaction, resolved once it is on disk. Everything is
 * keyed by what it is about, so a duplicate delivery records nothing new.
 */
export function recordEvent(
  store: Store,
  name: string,
  payload: unknown,
  due: Due[],
  deliveryId: string,
): Promise<void> {
  const fact = repositoryFact(name, payload);
  return store.write((tx) => recordInto(tx, store.now(), { fact, due, deliveryId }));
}

/** What was learned at once, from one event or one look at GitHub. */
export interface Learned {
  fact?: RepositoryFact | null;
  due: Due[];
  /** Names a click, which has no id of its own. */
  deliveryId: string;
}

/** As `recordEvent`, inside a transaction: the reconciler moves its cursor in the same one. */
export async function recordInto(tx: Tx, now: number, { fact, due, deliveryId }: Learned): Promise<void> {
  if (fact) await recordFact(tx, now, fact);
  for (const item of due) await record(tx, now, item, deliveryId);
}

async function recordFact(tx: Tx, now: number, fact: RepositoryFact): Promise<void> {
  const known = await getRepository(tx, fact.id);
  const changed =
    !known || Object.entries(fact).some(([field, value]) => known[field as keyof typeof fact] !== value);
  // A suspension ends by its own event, not by a late one that was sent before.
  const state = known?.state === 'suspended' && fact.state === 'active' ? 'suspended' : fact.state;
  // What happened in it before this app could see it is looked up before anything of it is done.
  if (!known || known.state === 'gone') await holdForSurvey(tx, fact.id);
  if (known && known.state !== 'active' && state === 'active') await wakeRepository(tx, fact.id);
  if (changed) {
    const settings = { settings_text: known?.settings_text ?? null, settings_read_at: 0 };
    await putRepository(tx, { ...fact, state, ...settings, updated_at: now });
  }
}

async function record(tx: Tx, now: number, due: Due, deliveryId: string): Promise<void> {
  switch (due.kind) {
    case 'ask':
      if (await insertAsk(tx, due.row)) await enqueue(tx, due.row.key);
      return;
    case 'command':
      if (await insertCommand(tx, due.row)) await enqueue(tx, due.row.key);
      return;
    case 'work':
      return enqueue(tx, due.key);
    case 'settings_changed':
      await patchRepository(tx, due.repoId, { settings_read_at: -now });
      // They may begin or end a pause.
      return enqueue(tx, `pause:${due.repoId}`);
    case 'installation':
      await tx
        .updateTable('repositories')
        .set({ state: due.state, updated_at: now })
        .where('installation_id', '=', due.id)
        .where('state', '!=', 'archived')
        .execute();
      if (due.state === 'active') {
        for (const { id } of await repositoriesOf(tx, due.id)) await wakeRepository(tx, id);
      }
      return;
    case 'repositories_removed':
      for (const id of due.ids) await patchRepository(tx, id, { state: 'gone', updated_at: now });
      return;
    case 'queue_pushed':
      return recordQueuePush(tx, due);
    case 'schedules_pushed':
      for (const name of due.names)
        await enqueue(tx, `schedule-file:${due.repoId}:${name}:${due.pusher ?? ''}`);
      if (due.compare && (due.names.length > 0 || (await listSchedules(tx, due.repoId)).length > 0))
        await enqueue(tx, `schedules:${due.repoId}`);
      return;
    case 'revalidate':
      return revalidate(tx, due);
    case 'dequeued':
      return leaveQueue(tx, now, due);
    case 'button':
      return recordButton(tx, now, due, deliveryId);
  }
}

function repositoriesOf(tx: Tx, installationId: number): Promise<{ id: number }[]> {
  return tx.selectFrom('repositories').select('id').where('installation_id', '=', installationId).execute();
}

/** What waited while nothing could be written (suspended, archived, uninstalled) goes on. */
export async function wakeRepository(tx: Tx, repoId: number): Promise<void> {
  for (const { key } of await listOpenAsks(tx, repoId)) {
    await enqueue(tx, key);
    await enqueue(tx, `status:${key}`);
  }
  for (const job of await listUnfinishedJobs(tx, repoId)) {
    await enqueue(tx, `job:${repoId}:${job.id}`);
    if (job.pr_number) await enqueue(tx, `pr:${repoId}:${job.pr_number}`);
  }
  for (const { name } of await listSchedules(tx, repoId)) {
    await enqueue(tx, `schedule:${repoId}:${name}`);
    await enqueue(tx, `ticks:${repoId}:${name}`);
  }
  for (const goal of await listOpenGoals(tx, repoId)) await enqueue(tx, goalKey(goal));
  const parked = await tx.selectFrom('work').select('key').where('key', 'like', `%:${repoId}:%`).execute();
  for (const { key } of parked) {
    // Not the look at the repository itself, which wakes the others.
    if (!key.startsWith('repo:') && repositoryOf(key) === repoId) await enqueue(tx, key);
  }
  announce(tx, QUEUE_TOPIC);
}

/** Files that came without a row that runs, and rows about to run whose file may be gone, are to be looked at. */
async function recordQueuePush(tx: Tx, due: Extract<Due, { kind: 'queue_pushed' }>): Promise<void> {
  const waiting = (await listJobsByState(tx, ['queued', 'leased'], due.repoId)).map(({ id }) => id);
  const gone = due.gone === 'any' ? waiting : due.gone.filter((id) => waiting.includes(id));
  for (const id of new Set([...due.added.filter((one) => !waiting.includes(one)), ...gone]))
    await enqueue(tx, fileKey(due.repoId, id, due.pusher));
}

/** Thrown out of the merge queue: it waits as after a refused merge, in GitHub's word for why. */
async function leaveQueue(tx: Tx, now: number, due: Extract<Due, { kind: 'dequeued' }>): Promise<void> {
  const row = await getPull(tx, due.repoId, due.number);
  const data = pullData(row);
  if (!row || !data.queuedSha || due.reason === 'MERGE') return;
  const dequeued = `It was removed from the merge queue: ${due.reason}`;
  await putPull(tx, { ...row, data: withData(data, { queuedSha: null, dequeued }), updated_at: now });
  await enqueue(tx, `pr:${due.repoId}:${due.number}`);
}

/** A click on a check run of ours becomes the command it stands for; the delivery names it, since clicks have no id. */
async function recordButton(
  tx: Tx,
  now: number,
  due: Extract<Due, { kind: 'button' }>,
  deliveryId: string,
): Promise<void> {
  const [kind, repo, subject] = due.externalId.split(':');
  if (Number(repo) !== due.repoId || !subject) return;
  if (kind === 'validate') {
    const number = Number(subject);
    if (!Number.isInteger(number)) return;
    // Re-running the validation judges the head again.
    if (due.action === 'retry') return revalidate(tx, { ...due, number });
    return insertButton(tx, now, due, deliveryId, number, due.action === 'approve' ? due.headSha : '');
  }
  if (kind === 'job') return insertButton(tx, now, due, deliveryId, due.pulls[0] ?? 0, subject);
}

async function insertButton(
  tx: Tx,
  now: number,
  due: Extract<Due, { kind: 'button' }>,
  deliveryId: string,
  thread: number,
  args: string,
): Promise<void> {
  if (!['approve', 'cancel', 'retry'].includes(due.action)) return;
  const job = await tx
    .selectFrom('jobs')
    .select('pr_number')
    .where('repo_id', '=', due.repoId)
    .where('id', '=', args)
    .executeTakeFirst();
  const place = job?.pr_number ?? thread;
  const key = `command:${due.repoId}:b${due.checkRunId}-${deliveryId}`;
  const inserted = await insertCommand(tx, {
    key,
    repo_id: due.repoId,
    thread: place,
    on_pull: 1,
    name: due.action,
    // The check run of a merged PR names no PR: its commit does, once GitHub can be asked.
    args: place === 0 ? `${args} ${due.headSha}` : args,
    login: due.login,
    source: 'b',
    source_id: due.checkRunId,
    language: 'en',
    written_at: now,
    state: 'received',
    reply: null,
    created_at: now,
  });
  if (inserted) await enqueue(tx, key);
}

/** The head is to be judged again, should this person be one who may ask for it. */
async function revalidate(
  tx: Tx,
  { repoId, number, login }: { repoId: number; number: number; login: string },
): Promise<void> {
  const row = await getPull(tx, repoId, number);
  if (row) await putPull(tx, { ...row, data: withData(pullData(row), { rerun: login }) });
  await enqueue(tx, `pr:${repoId}:${number}`);
}
