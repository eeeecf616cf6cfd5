import { JOB_ID } from '../job/job.ts';
import { parseTickId } from '../job/tick-id.ts';
import type { ListedJob } from '../messages/en-replies.ts';
import type { Messages } from '../messages/messages.ts';
import { jobOf } from '../report/judge-run.ts';
import { patchCommand } from '../store/commands.ts';
import { getJob, listJobsForThread } from '../store/jobs.ts';
import type { CommandRow, JobRow, JobState } from '../store/tables.ts';
import { recallJob } from './recall-job.ts';
import type { WorkContext } from './work.ts';

/** A click on a check run that names no PR belongs to the PR of its commit; null: there is none to answer on. */
export async function placed(c: WorkContext, command: CommandRow): Promise<CommandRow | null> {
  if (command.thread !== 0) return command;
  const sha = /[0-9a-f]{40}$/.exec(command.args)?.[0];
  const thread = sha ? await c.client.pullOfCommit(sha, c.signal) : null;
  if (thread === null) {
    c.log.warn({ key: command.key }, 'a click on a check run has no PR to answer on');
    return null;
  }
  await c.store.write((tx) => patchCommand(tx, command.key, { thread }));
  return { ...command, thread };
}

function listed(job: JobRow): ListedJob {
  const { title } = jobOf(job);
  return { id: job.id, state: job.state, ...(title ? { title } : {}) };
}

/** Job ids among a command's words. */
export const idsIn = (command: CommandRow) =>
  command.args.split(/[\s,]+/).filter((word) => JOB_ID.test(word) || parseTickId(word) !== null);

/** The jobs a command is about: those it names, else those of its thread in a fitting state. */
export async function targets(
  c: WorkContext,
  command: CommandRow,
  m: Messages,
  states: JobState[],
): Promise<{ jobs: JobRow[] } | { reply: string }> {
  const ids = idsIn(command);
  if (ids.length > 0) {
    const jobs = await Promise.all(ids.map((id) => getJob(c.store.db, c.repo.id, id)));
    for (const [index, id] of ids.entries()) {
      // The repository may know what a lost database knew.
      if (!jobs[index] && (await recallJob(c, id))) jobs[index] = await getJob(c.store.db, c.repo.id, id);
    }
    const missing = ids.find((_, index) => !jobs[index]);
    if (missing) return { reply: m.unknownJob({ id: missing }) };
    return { jobs: jobs.filter((job) => job !== undefined) };
  }
  const jobs = (await listJobsForThread(c.store.db, c.repo.id, command.thread)).filter((job) =>
    states.includes(job.state),
  );
  const word = `/${command.name}`;
  return jobs.length > 1 ? { reply: m.severalJobs({ command: word, jobs: jobs.map(listed) }) } : { jobs };
}
