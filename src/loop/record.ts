import { insertAsk } from '../store/asks.ts';
import { insertCommand } from '../store/commands.ts';
import { listJobsByState } from '../store/jobs.ts';
import { getRepository, patchRepository, putRepository } from '../store/repositories.ts';
import type { Store, Tx } from '../store/store.ts';
import { enqueue } from '../store/work.ts';
import { type Due, repositoryFact } from './due.ts';

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
  return store.write(async (tx) => {
    if (fact) {
      const known = await getRepository(tx, fact.id);
      const changed =
        !known || Object.entries(fact).some(([field, value]) => known[field as keyof typeof fact] !== value);
      // A suspension ends by its own event, not by a late one that was sent before.
      const state = known?.state === 'suspended' && fact.state === 'active' ? 'suspended' : fact.state;
      if (changed) {
        const settings = { settings_text: known?.settings_text ?? null, settings_read_at: 0 };
        await putRepository(tx, { ...fact, state, ...settings, updated_at: store.now() });
      }
    }
    for (const item of due) await record(tx, store.now(), item, deliveryId);
  });
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
      return patchRepository(tx, due.repoId, { settings_read_at: 0 });
    case 'installation':
      await tx
        .updateTable('repositories')
        .set({ state: due.state, updated_at: now })
        .where('installation_id', '=', due.id)
        .where('state', '!=', 'archived')
        .execute();
      if (due.state === 'active') await wakeAll(tx, due.id);
      return;
    case 'repositories_removed':
      for (const id of due.ids) await patchRepository(tx, id, { state: 'gone', updated_at: now });
      return;
    case 'button':
      return recordButton(tx, now, due, deliveryId);
  }
}

/** What waited while the app was suspended goes on. */
async function wakeAll(tx: Tx, installationId: number): Promise<void> {
  const repositories = await tx
    .selectFrom('repositories')
    .select('id')
    .where('installation_id', '=', installationId)
    .execute();
  for (const { id } of repositories) {
    const asks = await tx
      .selectFrom('asks')
      .select('key')
      .where('repo_id', '=', id)
      .where('state', 'not in', ['ended', 'ignored'])
      .execute();
    for (const { key } of asks) await enqueue(tx, key);
    const jobs = await listJobsByState(tx, ['proposed', 'queued', 'leased', 'running'], id);
    for (const job of jobs) {
      await enqueue(tx, `job:${id}:${job.id}`);
      if (job.pr_number) await enqueue(tx, `pr:${id}:${job.pr_number}`);
    }
  }
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
    if (due.action === 'retry') return revalidate(tx, due.repoId, number);
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
  const key = `command:${due.repoId}:b${due.checkRunId}-${deliveryId}`;
  const inserted = await insertCommand(tx, {
    key,
    repo_id: due.repoId,
    thread: job?.pr_number ?? thread,
    on_pull: 1,
    name: due.action,
    args,
    login: due.login,
    source: 'b',
    source_id: due.checkRunId,
    language: 'en',
    written_at: now,
    state: 'received',
    created_at: now,
  });
  if (inserted) await enqueue(tx, key);
}

async function revalidate(tx: Tx, repoId: number, number: number): Promise<void> {
  const row = await tx
    .selectFrom('pulls')
    .selectAll()
    .where('repo_id', '=', repoId)
    .where('number', '=', number)
    .executeTakeFirst();
  if (!row) return;
  const { checkedSha, ...data } = JSON.parse(row.data) as { checkedSha?: string };
  if (checkedSha)
    await tx.deleteFrom('published').where('key', '=', `validate:${repoId}:${checkedSha}`).execute();
  await tx
    .updateTable('pulls')
    .set({ data: JSON.stringify(data) })
    .where('repo_id', '=', repoId)
    .where('number', '=', number)
    .execute();
  await enqueue(tx, `pr:${repoId}:${number}`);
}
