import { restoreAsk } from '../gate/restore-ask.ts';
import { patchAsk } from '../store/asks.ts';
import { intend } from '../store/published.ts';
import { askData, withData } from '../store/row-data.ts';
import { getSurveys } from '../store/surveys.ts';
import type { AskRow, CommandRow } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';
import type { WorkContext } from './work.ts';

/** GitHub counts a comment's time in seconds, and that of its answers. */
const CLOCK_GRAIN_MS = 1_000;

/** Written before the last survey: a database that was lost may have dealt with it. */
async function isOld(c: WorkContext, writtenAt: number): Promise<boolean> {
  const { at } = await getSurveys(c.store.db, c.repo.id);
  return writtenAt <= at + CLOCK_GRAIN_MS;
}

/**
 * An ask that is heard of again after the loss of the database: what GitHub shows of it is taken up, so that
 * it is answered once. Its end is known by the final reply or by its PR.
 */
export async function recallAsk(c: WorkContext, ask: AskRow): Promise<void> {
  const data = askData(ask);
  if (ask.state !== 'received' || data.recalled || !(await isOld(c, data.writtenAt ?? 0))) return;
  const [status, final] = [`status:${ask.key}`, `final:${ask.key}`];
  const keys = [status, final];
  const said = await marked(c, ask.thread, keys);
  const branch = `guruguru/ask-${ask.source}${ask.source_id}`;
  const pulls = await c.client.pullsFrom(branch, c.signal);
  const pull = pulls.find((one) => one.ours);
  const ended = said.has(final) || pull?.merged === true;
  await c.store.write(async (tx) => {
    for (const key of keys) await intend(tx, key);
    await patchAsk(tx, ask.key, {
      data: withData(data, { recalled: true, ...(ended && !said.has(status) ? { unheard: true } : {}) }),
      ...(ended ? { state: 'ended', reason: 'recalled' } : {}),
      updated_at: c.now(),
    });
  });
  if (ended || !pull) return;
  await restoreAsk(c, pull, null);
  await c.store.write((tx) => enqueue(tx, `pr:${c.repo.id}:${pull.number}`));
}

/** Whether a command heard of after the loss of the database was obeyed before it: then we have said so. */
export async function wasObeyed(c: WorkContext, command: CommandRow): Promise<boolean> {
  const { source, source_id: id } = command;
  if (source === 'b' || source === 'v' || !(await isOld(c, command.written_at))) return false;
  if (await c.client.reacted({ kind: source, id }, '+1', c.signal)) return true;
  const key = `reply:${command.key}`;
  return (await marked(c, command.thread, [key])).has(key);
}

/** Which of the keys a comment of ours in the thread bears. */
async function marked(c: WorkContext, thread: number, keys: string[]): Promise<Set<string>> {
  const comments = await c.client.comments(thread, { limit: 1_000 }, c.signal);
  const ours = comments.filter((comment) => comment.ours);
  return new Set(keys.filter((key) => ours.some(({ body }) => body.includes(`<!-- guruguru:${key} -->`))));
}
