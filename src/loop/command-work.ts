import { languageOf } from '../ask/accept-ask.ts';
import { cancelPlanning } from '../ask/cancel-ask.ts';
import type { CommandName } from '../ask/parse-command.ts';
import { takeRefusal } from '../ask/refusal-allowance.ts';
import { cancelJob } from '../dispatch/cancel.ts';
import { isUnreported, retryJob } from '../dispatch/retry.ts';
import { approvePull } from '../gate/approve-pull.ts';
import { parseOverride } from '../gate/override.ts';
import { recordPull } from '../gate/record-pull.ts';
import { publishComment, publishReaction } from '../github/publish.ts';
import { paragraphs } from '../messages/markdown.ts';
import { type Messages, messagesFor } from '../messages/messages.ts';
import { getAsk, listAsksForThread, patchAsk } from '../store/asks.ts';
import { writeAudit } from '../store/audit.ts';
import { getCommand, patchCommand } from '../store/commands.ts';
import { goalKey, goalTopic, listGoalsForThread } from '../store/goals.ts';
import { getJob, listJobsForThread } from '../store/jobs.ts';
import { getPull } from '../store/pulls.ts';
import { askData, pullData, withData } from '../store/row-data.ts';
import type { Tx } from '../store/store.ts';
import type { CommandRow, JobRow } from '../store/tables.ts';
import { enqueue, getWork, listStuck } from '../store/work.ts';
import { idsIn, placed, targets } from './command-targets.ts';
import { cancelGoals, goalsOf, resumeGoals } from './goal-commands.ts';
import { pauseRepository, resumeRepository } from './pause-work.ts';
import { wasObeyed } from './recall.ts';
import { sayStatus } from './say-status.ts';
import type { WorkContext, WorkResult } from './work.ts';

/** What is said back, rendered; null: a 👍 on the comment is enough, the status comment tells the rest. */
type Reply = string | null;
/** It cannot be done yet: it is looked at again then. */
type Later = { dueAt: number };
/** The effect and its reply. What changes our rows goes with `acted`, in one transaction: it is done once. */
type Command = (c: WorkContext, command: CommandRow, m: Messages) => Promise<Reply | Later>;

/** The commands and what each does. */
const COMMAND_TABLE: Record<CommandName, Command> = {
  approve,
  cancel,
  retry,
  pause,
  resume,
  status: sayStatus,
  help,
};

/** Checks who commands, does it once, and answers. */
export async function workOnCommand(c: WorkContext): Promise<WorkResult> {
  const row = await getCommand(c.store.db, c.key);
  if (!row || row.state === 'ended') return 'done';
  const found = await placed(c, row);
  if (!found) {
    await c.store.write((tx) => patchCommand(tx, row.key, { state: 'ended' }));
    return 'done';
  }
  if (found.state === 'received' && (await wasObeyed(c, found))) {
    await c.store.write((tx) => patchCommand(tx, found.key, { state: 'ended' }));
    return 'done';
  }
  if (found.state === 'received') {
    const command = { ...found, language: languageOf(c, await threadText(c, found)) };
    const refused = await refusal(c, command);
    if (refused === 'silence') {
      await c.store.write((tx) => patchCommand(tx, found.key, { state: 'ended' }));
      return 'done';
    }
    const reply = refused ?? (await perform(c, command));
    if (typeof reply === 'object' && reply !== null) return reply;
    // A command that changed rows of ours has told so already; for the others it is told now.
    await c.store.write((tx) => acted(tx, command, reply));
  }
  await answer(c, (await getCommand(c.store.db, c.key)) ?? found);
  await c.store.write((tx) => patchCommand(tx, found.key, { state: 'ended' }));
  return 'done';
}

/** What somebody is told who may not command here, null for who may; `silence` when enough was said this hour. */
async function refusal(c: WorkContext, command: CommandRow): Promise<string | 'silence' | null> {
  const { login } = command;
  const permission = await c.client.permission(login, c.signal);
  if (permission === 'admin' || permission === 'write') return null;
  const allowance = await takeRefusal(c.store, c.repo.id, replyKey(command), c.now());
  if (allowance.kind === 'silence') return 'silence';
  const m = messagesFor(command.language);
  return paragraphs(
    m.commandNoPermission({ command: `/${command.name}`, login, permission }),
    allowance.kind === 'last' && m.refusalsPaused({ until: allowance.until, timeZone: c.settings.timeZone }),
  );
}

function perform(c: WorkContext, command: CommandRow): Promise<Reply | Later> {
  return COMMAND_TABLE[command.name as CommandName](c, command, messagesFor(command.language));
}

const replyKey = (command: Pick<CommandRow, 'key'>) => `reply:${command.key}`;

/** From here on a repetition only answers. */
async function acted(tx: Tx, command: CommandRow, reply: Reply): Promise<void> {
  const { key, language } = command;
  if ((await getCommand(tx, key))?.state === 'received')
    await patchCommand(tx, key, { state: 'acted', language, reply });
}

async function answer(c: WorkContext, command: CommandRow): Promise<void> {
  const { reply: body, source, source_id: id } = command;
  if (body !== null) await publishComment(c, { issue: command.thread, key: replyKey(command), body });
  else if (source === 'c' || source === 'r' || source === 'i')
    await publishReaction(c, { kind: source, id }, '+1');
}

/** A command has few words of its own, so its language is that of the ask it is about. */
async function threadText(c: WorkContext, command: CommandRow): Promise<string> {
  const asks = await listAsksForThread(c.store.db, c.repo.id, command.thread);
  const [job] = await listJobsForThread(c.store.db, c.repo.id, command.thread);
  const ask = asks.at(-1) ?? (job?.ask_key ? await getAsk(c.store.db, job.ask_key) : undefined);
  return `${ask?.text ?? ''}\n${command.args}`;
}

/** Between two looks at a PR that its ask is just opening. */
const OPENING_LOOK_MS = 1_000;

async function approve(c: WorkContext, command: CommandRow, m: Messages): Promise<Reply | Later> {
  const { text, override } = parseOverride(command.args);
  const words = text.split(/\s+/);
  // One hexadecimal word alone is meant as a commit, be it too short to name one.
  const named =
    words.find((word) => /^[0-9a-f]{7,40}$/i.test(word)) ?? (/^[0-9a-f]+$/i.test(text) ? text : undefined);
  let number = command.on_pull && idsIn(command).length === 0 ? command.thread : null;
  if (number === null) {
    const found = await targets(c, command, m, ['proposed']);
    if ('reply' in found) return found.reply;
    const [job] = found.jobs;
    const goals = job ? [] : (await goalsOf(c, command)).filter(({ state }) => state === 'proposed');
    number = job?.pr_number ?? goals[0]?.pr_number ?? null;
    if (number === null) return m.nothingTo({ command: '/approve' });
  }
  const refusal = await approvePull(c, number, {
    login: command.login,
    how: command.source === 'b' ? 'button' : 'command',
    ...(named ? { named } : {}),
    ...(override ? { override } : {}),
    writtenAt: command.written_at,
    receivedAt: command.created_at,
  });
  if (refusal === 'being_proposed') return { dueAt: c.now() + OPENING_LOOK_MS };
  return refusal ? refusal(m) : null;
}

async function cancel(c: WorkContext, command: CommandRow, m: Messages): Promise<Reply> {
  if (idsIn(command).length === 0 && (await cancelGoals(c, command, (tx) => acted(tx, command, null))))
    return null;
  const found = await targets(c, command, m, ['proposed', 'queued', 'leased', 'running']);
  if ('reply' in found) return found.reply;
  return c.store.write(async (tx) => {
    const replies: Reply[] = [];
    for (const job of found.jobs) replies.push(await cancelOne(tx, c, command, m, job));
    if (found.jobs.length === 0) {
      const planning = await cancelPlanning(tx, c.repo.id, command.thread, command.login);
      const closing = planning === 0 && (await cancelPull(tx, c, command));
      if (planning === 0 && !closing) replies.push(m.nothingTo({ command: '/cancel' }));
    }
    const reply = joined(replies);
    await acted(tx, command, reply);
    return reply;
  });
}

/** A job PR by somebody who may not write has no rows of its jobs, and a schedule has none before it is in force. */
async function cancelPull(tx: Tx, c: WorkContext, command: CommandRow): Promise<boolean> {
  if (idsIn(command).length > 0) return false;
  const asks = (await listAsksForThread(tx, c.repo.id, command.thread)).filter(
    (ask) => ask.state === 'proposed' && ask.job_id === null,
  );
  const numbers = asks.flatMap((ask) => ask.pr_number ?? []);
  const own = command.on_pull ? await getPull(tx, c.repo.id, command.thread) : undefined;
  const { unlisted, scheduled, settled } = pullData(own);
  if (own && (unlisted || scheduled) && !settled) numbers.push(command.thread);
  for (const ask of asks)
    await patchAsk(tx, ask.key, { data: withData(askData(ask), { endedBy: command.login }) });
  for (const number of new Set(numbers)) {
    await recordPull(tx, c, number, { cancelled: true });
    await enqueue(tx, `pr:${c.repo.id}:${number}`);
  }
  return numbers.length > 0;
}

async function cancelOne(
  tx: Tx,
  c: WorkContext,
  command: CommandRow,
  m: Messages,
  job: JobRow,
): Promise<Reply> {
  const ask = job.ask_key ? await getAsk(tx, job.ask_key) : undefined;
  if (job.state === 'proposed') {
    if (ask) await patchAsk(tx, ask.key, { data: withData(askData(ask), { endedBy: command.login }) });
    if (job.pr_number) {
      await recordPull(tx, c, job.pr_number, { cancelled: true });
      await enqueue(tx, `pr:${c.repo.id}:${job.pr_number}`);
    } else if (ask) {
      // Its PR is being opened at this moment.
      await enqueue(tx, ask.key);
    }
    return null;
  }
  const result = await cancelJob(tx, c.repo.id, job.id, command.login, c.now());
  if (ask) await enqueue(tx, `status:${ask.key}`);
  switch (result.kind) {
    case 'cancelled':
    case 'cancelling':
      return null;
    case 'ended':
    case 'not_queued':
      return m.cancelEnded({ jobId: job.id, state: result.state });
    case 'unknown':
      return m.unknownJob({ id: job.id });
  }
}

async function retry(c: WorkContext, command: CommandRow, m: Messages): Promise<Reply | Later> {
  if (idsIn(command).length === 0 && (await retryStuck(c, command, m))) return m.unstuck();
  if (idsIn(command).length === 0 && (await resumeGoals(c, command, (tx) => acted(tx, command, null))))
    return null;
  const found = await targets(c, command, m, ['succeeded', 'failed', 'cancelled', 'lost']);
  if ('reply' in found) return found.reply;
  if (found.jobs.length === 0) {
    const [other] = await listJobsForThread(c.store.db, c.repo.id, command.thread);
    if (!other) return m.nothingTo({ command: '/retry' });
    found.jobs.push(other);
  }
  return c.store.write(async (tx) => {
    const unreported = await firstUnreported(tx, found.jobs);
    if (unreported) return waitForReport(tx, c, command, m, unreported);
    const replies: Reply[] = [];
    for (const job of found.jobs) replies.push(await retryOne(tx, c, command, m, job));
    const reply = joined(replies);
    await acted(tx, command, reply);
    return reply;
  });
}

/** Between two looks whether the record of a run is committed. */
const REPORT_LOOK_MS = 1_000;

async function firstUnreported(tx: Tx, jobs: JobRow[]): Promise<JobRow | undefined> {
  for (const { repo_id, id } of jobs) {
    const row = await getJob(tx, repo_id, id);
    if (row && isUnreported(row)) return row;
  }
  return undefined;
}

/** The record of the last run comes first, or it would never be written; a report that gave up is woken. */
async function waitForReport(
  tx: Tx,
  c: WorkContext,
  command: CommandRow,
  m: Messages,
  job: JobRow,
): Promise<Reply | Later> {
  const key = `job:${job.repo_id}:${job.id}`;
  const work = await getWork(tx, key);
  // Not before the report itself is tried again.
  if (work?.stuck !== 1) return { dueAt: Math.max(c.now(), work?.due_at ?? 0) + REPORT_LOOK_MS };
  await enqueue(tx, key);
  await acted(tx, command, m.unstuck());
  return m.unstuck();
}

async function retryOne(
  tx: Tx,
  c: WorkContext,
  command: CommandRow,
  m: Messages,
  job: JobRow,
): Promise<Reply> {
  const result = await retryJob(tx, c.repo.id, job.id, c.now());
  switch (result.kind) {
    case 'queued':
      await writeAudit(tx, {
        what: 'retry_granted',
        who: command.login,
        subject: job.id,
        repoId: c.repo.id,
        detail: { comment: command.key },
      });
      if (job.ask_key) {
        await patchAsk(tx, job.ask_key, { state: 'queued', reason: null, updated_at: c.now() });
        await enqueue(tx, `status:${job.ask_key}`);
      }
      return null;
    case 'active':
      return m.retryStillRunning({ jobId: job.id, state: result.state });
    case 'unreported':
      throw new Error(`${job.id}: its last run is not on record yet`);
    case 'never_queued':
      if (await approveMerged(tx, c, command, job)) return null;
      return m.retryNeverMerged({ jobId: job.id, trigger: c.settings.trigger });
    case 'unknown':
      return m.unknownJob({ id: job.id });
  }
}

/** A job that was merged without an approval gets it by `/retry` from somebody who may approve. */
async function approveMerged(tx: Tx, c: WorkContext, command: CommandRow, job: JobRow): Promise<boolean> {
  if (job.state !== 'proposed' || !job.pr_number || !job.head_sha) return false;
  const { settled } = pullData(await getPull(tx, c.repo.id, job.pr_number));
  if (settled !== 'merged') return false;
  const approval = { login: command.login, how: 'command', sha: job.head_sha } as const;
  await recordPull(tx, c, job.pr_number, { settled: null, approval });
  await enqueue(tx, `pr:${c.repo.id}:${job.pr_number}`);
  return true;
}

/** Several jobs in one command: what is to be said of each, in their order. */
function joined(replies: Reply[]): Reply {
  const said = replies.filter((reply) => reply !== null);
  return said.length > 0 ? said.join('\n\n') : null;
}

/** Wakes what gave up on this thread's asks, jobs and PR. */
async function retryStuck(c: WorkContext, command: CommandRow, m: Messages): Promise<boolean> {
  const { thread } = command;
  const asks = await listAsksForThread(c.store.db, c.repo.id, thread);
  const jobs = await listJobsForThread(c.store.db, c.repo.id, thread);
  const goals = await listGoalsForThread(c.store.db, c.repo.id, thread);
  const keys = [
    ...asks.flatMap((ask) => [ask.key, `status:${ask.key}`]),
    ...jobs.map((job) => `job:${c.repo.id}:${job.id}`),
    ...goals.flatMap((goal) => [goalKey(goal), `status:${goalTopic(goal)}`]),
    ...[...new Set([thread, ...jobs.map((job) => job.pr_number)])].map(
      (number) => `pr:${c.repo.id}:${number}`,
    ),
  ];
  for (const { key } of await listStuck(c.store.db, `command:${c.repo.id}:`)) {
    if ((await getCommand(c.store.db, key))?.thread === thread) keys.push(key);
  }
  const items = await Promise.all(keys.map((key) => getWork(c.store.db, key)));
  const stuck = items.filter((item) => item && item.stuck > 0);
  if (stuck.length === 0) return false;
  await c.store.write(async (tx) => {
    for (const item of stuck) if (item) await enqueue(tx, item.key);
    await acted(tx, command, m.unstuck());
  });
  return true;
}

function pause(c: WorkContext, command: CommandRow, m: Messages): Promise<Reply> {
  return c.store.write(async (tx) => {
    const reply = await pauseRepository(tx, c, command, m);
    await acted(tx, command, reply);
    return reply;
  });
}

function resume(c: WorkContext, command: CommandRow, m: Messages): Promise<Reply> {
  return c.store.write(async (tx) => {
    const reply = await resumeRepository(tx, c, command, m);
    await acted(tx, command, reply);
    return reply;
  });
}

async function help(c: WorkContext, _: CommandRow, m: Messages): Promise<Reply> {
  return m.help({ trigger: c.settings.trigger });
}
