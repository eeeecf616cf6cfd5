import { languageOf } from '../ask/accept-ask.ts';
import type { CommandName } from '../ask/parse-command.ts';
import { cancelJob } from '../dispatch/cancel.ts';
import { queueView } from '../dispatch/queue-view.ts';
import { retryJob } from '../dispatch/retry.ts';
import { approvePull } from '../gate/approve-pull.ts';
import { publishComment } from '../github/publish.ts';
import { repositoryUrl } from '../github/scope.ts';
import { JOB_ID } from '../job/job.ts';
import type { ListedJob } from '../messages/en-replies.ts';
import { type Messages, messagesFor } from '../messages/messages.ts';
import { jobOf } from '../report/judge-run.ts';
import { renderStatusTable } from '../report/status-table.ts';
import { getAsk, listAsksForThread, patchAsk } from '../store/asks.ts';
import { getCommand, patchCommand } from '../store/commands.ts';
import { getJob, listJobsByState, listJobsForThread } from '../store/jobs.ts';
import { askData, withData } from '../store/row-data.ts';
import type { AskRow, CommandRow, JobRow, JobState } from '../store/tables.ts';
import { enqueue, getWork } from '../store/work.ts';
import { lastNumber, type WorkContext, type WorkResult } from './work.ts';

/** What is said back; null: a 👍 on the comment is enough, the status comment tells the rest. */
type Reply = ((m: Messages) => string) | null;
type Command = (c: WorkContext, command: CommandRow) => Promise<Reply>;

/** The commands and what each does. */
const COMMAND_TABLE: Record<CommandName, Command> = { approve, cancel, retry, status, help };

/** Checks who commands, does it once, and answers. */
export async function workOnCommand(c: WorkContext): Promise<WorkResult> {
  const found = await getCommand(c.store.db, c.key);
  if (!found || found.state === 'ended') return 'done';
  const command = { ...found, language: languageOf(c, await threadText(c, found)) };
  const act = COMMAND_TABLE[command.name as CommandName];
  const permission = await c.client.permission(command.login, c.signal);
  const allowed = permission === 'admin' || permission === 'write';
  const reply: Reply = allowed
    ? await act(c, command)
    : (m) => m.commandNoPermission({ command: `/${command.name}`, login: command.login, permission });
  await answer(c, command, reply);
  await c.store.write((tx) => patchCommand(tx, command.key, { state: 'ended', language: command.language }));
  return 'done';
}

async function answer(c: WorkContext, command: CommandRow, reply: Reply): Promise<void> {
  if (reply) {
    const body = reply(messagesFor(command.language));
    await publishComment(c, { issue: command.thread, key: `reply:${command.key}`, body });
  } else if (command.source === 'c' || command.source === 'r' || command.source === 'i') {
    await c.client.react({ kind: command.source, id: command.source_id }, '+1', c.signal);
  }
}

/** A command has few words of its own, so its language is that of the ask it is about. */
async function threadText(c: WorkContext, command: CommandRow): Promise<string> {
  const asks = await listAsksForThread(c.store.db, c.repo.id, command.thread);
  const [job] = await listJobsForThread(c.store.db, c.repo.id, command.thread);
  const ask = asks.at(-1) ?? (job?.ask_key ? await getAsk(c.store.db, job.ask_key) : undefined);
  return `${ask?.text ?? ''}\n${command.args}`;
}

function listed(job: JobRow): ListedJob {
  const { title } = jobOf(job);
  return { id: job.id, state: job.state, ...(title ? { title } : {}) };
}

const idsIn = (command: CommandRow) => command.args.split(/[\s,]+/).filter((word) => JOB_ID.test(word));

/** The jobs a command is about: those it names, else those of its thread in a fitting state. */
async function targets(
  c: WorkContext,
  command: CommandRow,
  states: JobState[],
): Promise<{ jobs: JobRow[] } | { reply: Reply }> {
  const ids = idsIn(command);
  const word = `/${command.name}`;
  if (ids.length > 0) {
    const jobs = await Promise.all(ids.map((id) => getJob(c.store.db, c.repo.id, id)));
    const missing = ids.find((_, index) => !jobs[index]);
    if (missing) return { reply: (m) => m.unknownJob({ id: missing }) };
    return { jobs: jobs.filter((job) => job !== undefined) };
  }
  const jobs = (await listJobsForThread(c.store.db, c.repo.id, command.thread)).filter((job) =>
    states.includes(job.state),
  );
  if (jobs.length > 1) return { reply: (m) => m.severalJobs({ command: word, jobs: jobs.map(listed) }) };
  return { jobs };
}

async function approve(c: WorkContext, command: CommandRow): Promise<Reply> {
  const word = '/approve';
  const named = command.args.split(/\s+/).find((part) => /^[0-9a-f]{7,40}$/i.test(part));
  let number = command.on_pull && idsIn(command).length === 0 ? command.thread : null;
  if (number === null) {
    const found = await targets(c, command, ['proposed']);
    if ('reply' in found) return found.reply;
    const [job] = found.jobs;
    if (!job?.pr_number) return (m) => m.nothingTo({ command: word });
    number = job.pr_number;
  }
  return approvePull(c, number, {
    login: command.login,
    how: command.source === 'b' ? 'button' : 'command',
    ...(named ? { named } : {}),
    writtenAt: command.written_at,
  });
}

async function cancel(c: WorkContext, command: CommandRow): Promise<Reply> {
  const found = await targets(c, command, ['proposed', 'queued', 'leased', 'running']);
  if ('reply' in found) return found.reply;
  const replies: Reply[] = [];
  for (const job of found.jobs) replies.push(await cancelOne(c, command, job));
  if (found.jobs.length === 0) {
    const planning = await planningAsks(c, command.thread);
    if (planning.length === 0) return (m) => m.nothingTo({ command: '/cancel' });
    await c.store.write(async (tx) => {
      for (const ask of planning) {
        const data = withData(askData(ask), { endedBy: command.login });
        await patchAsk(tx, ask.key, { state: 'ended', reason: 'cancelled', data, updated_at: c.now() });
        await enqueue(tx, `status:${ask.key}`);
      }
    });
  }
  return replies.find((reply) => reply !== null) ?? null;
}

async function cancelOne(c: WorkContext, command: CommandRow, job: JobRow): Promise<Reply> {
  if (job.state === 'proposed' && job.pr_number) {
    const ask = job.ask_key ? await getAsk(c.store.db, job.ask_key) : undefined;
    if (ask) {
      const data = withData(askData(ask), { endedBy: command.login });
      await c.store.write((tx) => patchAsk(tx, ask.key, { data }));
    }
    await c.client.closePull(job.pr_number, c.signal);
    await c.store.write((tx) => enqueue(tx, `pr:${c.repo.id}:${job.pr_number}`));
    return null;
  }
  const result = await c.store.write((tx) => cancelJob(tx, c.repo.id, job.id, command.login, c.now()));
  switch (result.kind) {
    case 'cancelled':
    case 'cancelling':
      return null;
    case 'ended':
    case 'not_queued':
      return (m) => m.cancelEnded({ jobId: job.id, state: result.state });
    case 'unknown':
      return (m) => m.unknownJob({ id: job.id });
  }
}

async function planningAsks(c: WorkContext, thread: number): Promise<AskRow[]> {
  const asks = await listAsksForThread(c.store.db, c.repo.id, thread);
  return asks.filter((ask) => ask.state === 'accepted' || ask.state === 'planned');
}

async function retry(c: WorkContext, command: CommandRow): Promise<Reply> {
  if (idsIn(command).length === 0 && (await retryStuck(c, command.thread))) return (m) => m.unstuck();
  const found = await targets(c, command, ['succeeded', 'failed', 'cancelled', 'lost']);
  if ('reply' in found) return found.reply;
  if (found.jobs.length === 0) {
    const [active] = (await listJobsForThread(c.store.db, c.repo.id, command.thread)).filter((job) =>
      ['queued', 'leased', 'running'].includes(job.state),
    );
    if (active) return (m) => m.retryStillRunning({ jobId: active.id, state: active.state });
    return (m) => m.nothingTo({ command: '/retry' });
  }
  const replies: Reply[] = [];
  for (const job of found.jobs) replies.push(await retryOne(c, job));
  return replies.find((reply) => reply !== null) ?? null;
}

async function retryOne(c: WorkContext, job: JobRow): Promise<Reply> {
  const result = await c.store.write(async (tx) => {
    const retried = await retryJob(tx, c.repo.id, job.id, c.now());
    if (retried.kind !== 'queued') return retried;
    await enqueue(tx, `job:${c.repo.id}:${job.id}`);
    if (job.ask_key) {
      await patchAsk(tx, job.ask_key, { state: 'queued', reason: null, updated_at: c.now() });
      await enqueue(tx, `status:${job.ask_key}`);
    }
    return retried;
  });
  switch (result.kind) {
    case 'queued':
      return null;
    case 'active':
      return (m) => m.retryStillRunning({ jobId: job.id, state: result.state });
    case 'never_queued':
      return (m) => m.retryNeverMerged({ jobId: job.id, trigger: c.settings.trigger });
    case 'unknown':
      return (m) => m.unknownJob({ id: job.id });
  }
}

/** Wakes what gave up on this thread's asks, jobs and PR. */
async function retryStuck(c: WorkContext, thread: number): Promise<boolean> {
  const asks = await listAsksForThread(c.store.db, c.repo.id, thread);
  const jobs = await listJobsForThread(c.store.db, c.repo.id, thread);
  const keys = [
    ...asks.flatMap((ask) => [ask.key, `status:${ask.key}`]),
    ...jobs.map((job) => `job:${c.repo.id}:${job.id}`),
    ...[...new Set([thread, ...jobs.map((job) => job.pr_number)])].map(
      (number) => `pr:${c.repo.id}:${number}`,
    ),
  ];
  const items = await Promise.all(keys.map((key) => getWork(c.store.db, key)));
  const stuck = items.filter((item) => item?.stuck === 1);
  if (stuck.length === 0) return false;
  await c.store.write(async (tx) => {
    for (const item of stuck) if (item) await enqueue(tx, item.key);
  });
  return true;
}

async function status(c: WorkContext, command: CommandRow): Promise<Reply> {
  const view = await queueView(c.store.db, c.repo.id, c.now());
  const proposed = await listJobsByState(c.store.db, ['proposed'], c.repo.id);
  const url = (job: JobRow) => (job.pr_number ? { url: `${repositoryUrl(c)}/pull/${job.pr_number}` } : {});
  const waiting = [...view.queued, ...proposed].map((job) => ({
    ...titled(job),
    ...url(job),
    state: job.state as 'proposed' | 'queued',
    since: job.queued_at ?? job.created_at,
  }));
  const running = view.running.map(({ job, run }) => ({
    ...titled(job),
    ...url(job),
    state: job.state as 'leased' | 'running',
    runner: run.runner,
    since: run.started_at ?? run.seen_at,
  }));
  const body = renderStatusTable({
    language: command.language,
    timeZone: c.settings.timeZone,
    trigger: c.settings.trigger,
    now: c.now(),
    jobs: [...running, ...waiting],
    stuck: view.stuck.map((item) => ({
      what: `${item.key.split(':')[0]} #${lastNumber(item.key.replace(/[a-z](\d+)$/, '$1')) || item.key}`,
      error: item.last_error ?? '',
      since: item.due_at,
    })),
    runners: view.runners.map((runner) => ({
      name: runner.name,
      labels: runner.labels,
      seenAt: runner.seenAt,
      ...(runner.draining ? { draining: true } : {}),
      ...jobOfRun(view.running, runner.runId),
    })),
  });
  return () => body;
}

function titled(job: JobRow): { id: string; title?: string } {
  const { title } = jobOf(job);
  return { id: job.id, ...(title ? { title } : {}) };
}

function jobOfRun(running: { job: JobRow; run: { id: string } }[], runId: string | null): { jobId?: string } {
  const found = running.find(({ run }) => run.id === runId);
  return found ? { jobId: found.job.id } : {};
}

async function help(c: WorkContext): Promise<Reply> {
  return (m) => m.help({ trigger: c.settings.trigger });
}
