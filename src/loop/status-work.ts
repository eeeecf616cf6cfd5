import { publishComment } from '../github/publish.ts';
import { messagesFor } from '../messages/messages.ts';
import { updateStatus } from '../report/update-status.ts';
import { updateGoalStatus } from '../schedule/update-goal-status.ts';
import { getAsk } from '../store/asks.ts';
import { getCommand } from '../store/commands.ts';
import { getGoal, goalOfAsk } from '../store/goals.ts';
import { getJob } from '../store/jobs.ts';
import { getPull } from '../store/pulls.ts';
import type { GoalRow } from '../store/tables.ts';
import { enqueue, getWork } from '../store/work.ts';
import { heldBy } from './goal-held.ts';
import { lastNumber, type WorkContext, type WorkResult } from './work.ts';

/** `status:<ask key>`, `status:<goal key>`: the one comment that is edited. */
export async function workOnStatus(c: WorkContext): Promise<WorkResult> {
  const goal = (await goalMeant(c)) ?? (await goalOfAsk(c.store.db, c.repo.id, c.rest));
  if (goal) return updateGoalStatus(c, goal, await heldBy(c, goal));
  return updateStatus(c, c.rest);
}

/** The goal of `goal:<repository>:<id>`, also with `status:` before it. */
async function goalMeant(c: WorkContext): Promise<GoalRow | undefined> {
  const [, id] = /^(?:status:)?goal:\d+:(.+)$/.exec(c.rest) ?? [];
  return id === undefined ? undefined : getGoal(c.store.db, c.repo.id, id);
}

const MARKED_SOON_MS = 200;

/** `stuck:<key>`: tells the asker that an item was given up on. */
export async function workOnStuck(c: WorkContext): Promise<WorkResult> {
  const item = await getWork(c.store.db, c.rest);
  if (!item || (!item.stuck && item.attempts === 0)) return 'done';
  // Told a moment before it is marked.
  if (!item.stuck) return { dueAt: c.now() + MARKED_SOON_MS };
  const kind = c.rest.split(':')[0];
  const job =
    kind === 'job'
      ? await getJob(c.store.db, c.repo.id, c.rest.slice(c.rest.lastIndexOf(':') + 1))
      : undefined;
  const askKey = kind === 'ask' ? c.rest : kind === 'status' ? c.rest.slice('status:'.length) : job?.ask_key;
  const ask = askKey ? await getAsk(c.store.db, askKey) : undefined;
  const goal = await goalMeant(c);
  const command = kind === 'command' ? await getCommand(c.store.db, c.rest) : undefined;
  const thread =
    goal?.thread ??
    ask?.thread ??
    job?.pr_number ??
    command?.thread ??
    (kind === 'pr' ? await jobPull(c) : null);
  if (!thread) return 'done';
  const said = goal ?? ask ?? command;
  const m = messagesFor(said?.language ?? (c.settings.language === 'ja' ? 'ja' : 'en'));
  const body = m.stuckItem({
    error: item.last_error ?? '',
    attempts: item.attempts,
    trigger: c.settings.trigger,
  });
  await publishComment(c, { issue: thread, key: `stuck:${c.rest}:${item.generation}`, body });
  if (ask && kind === 'ask') await c.store.write((tx) => enqueue(tx, `status:${ask.key}`));
  return 'done';
}

/** Every PR is looked at; one that touches no job has nobody who waits for us. */
async function jobPull(c: WorkContext): Promise<number | null> {
  const number = lastNumber(c.rest);
  if (await getPull(c.store.db, c.repo.id, number)) return number;
  const { files } = await c.client.pullFiles(number, c.signal);
  return files.some((file) => file.path.startsWith('jobs/')) ? number : null;
}
