import { neutraliseLine } from './neutralise.ts';
import { clip } from './plain-text.ts';
import type { ShownVerdict } from './views.ts';

/** What commits call a job. English in every repository: commits are its history. */
export interface JobName {
  id: string;
  title?: string | undefined;
}

/** The commit on a job PR's branch. `ask`: who asked (login) and where; null for none. */
export function jobCommitMessage(
  job: JobName,
  ask: { login: string; url: string } | null,
  revision: number,
): string {
  const plan = revision > 1 ? ` (plan ${revision})` : '';
  return withBody(
    `guruguru: propose ${named(job, 60)}${plan}`,
    ask ? `Asked by ${ask.login}: ${ask.url}` : '',
  );
}

/** The commit that moves a job to done and adds its report. `skipCi`: the settings' `reports.skip_ci`. */
export function reportCommitMessage(
  job: JobName,
  ended: { verdict: ShownVerdict; attempt: number; runner: string | null },
  skipCi: boolean,
): string {
  const where = ended.runner === null ? '' : ` on ${neutraliseLine(ended.runner)}`;
  const run = ended.attempt > 1 ? ` (run ${ended.attempt})` : '';
  const subject = `guruguru: ${job.id} ${ended.verdict}${where}${run}${skipCi ? ' [skip ci]' : ''}`;
  return withBody(subject, title(job, 200));
}

/** The commit that corrects a line of STATE or the docs, on a branch of its own. */
export function correctionCommitMessage({ path, job }: { path: string; job: string }): string {
  return `guruguru: correct ${neutraliseLine(clip(path, 100))} after ${neutraliseLine(job)}`;
}

/** The commit that brings the ledger up to a day, `YYYY-MM-DD`. */
export function costsCommitMessage(day: string, skipCi: boolean): string {
  return `guruguru: costs up to ${day}${skipCi ? ' [skip ci]' : ''}`;
}

/** The commit with an agent's change, on a branch of its own. */
export function changeCommitMessage(job: JobName, login: string | null): string {
  const asked = login === null ? '' : ` Asked by ${login}.`;
  return withBody(
    title(job, 70) || `Change of ${job.id}`,
    `Written by an agent (Codex) in job ${job.id}.${asked}`,
  );
}

/** The title of the PR with it. */
export function changePullTitle(job: JobName): string {
  return `[agent] ${title(job, 120) || job.id}`;
}

/** The commit that adds the results of a schedule's ticks. `changed`: one of them came to something else than before. */
export function ticksCommitMessage(
  schedule: JobName,
  ticks: { count: number; changed: boolean },
  skipCi: boolean,
): string {
  const what = ticks.count === 1 ? '1 tick' : `${ticks.count} ticks`;
  const subject = `guruguru: ${schedule.id} ${what}${ticks.changed ? ', changed' : ''}${skipCi ? ' [skip ci]' : ''}`;
  return withBody(subject, title(schedule, 200));
}

/** The merge of a job PR. `approvedBy`: login; null = merged without a separate approval. */
export function mergeCommit(
  job: JobName,
  pull: number,
  approvedBy: string | null,
): { title: string; message: string } {
  return {
    title: `guruguru: ${named(job, 60)} (#${pull})`,
    message: approvedBy === null ? '' : `Approved by ${approvedBy}.`,
  };
}

/** The commit on a goal PR's branch. */
export function goalCommitMessage(goal: JobName, ask: { login: string; url: string }): string {
  return withBody(`guruguru: propose goal ${named(goal, 60)}`, `Asked by ${ask.login}: ${ask.url}`);
}

/** The commit that writes down where a goal stands. `what`: words of ours. */
export function goalStateMessage(goal: JobName, what: string, skipCi: boolean): string {
  return withBody(`guruguru: goal ${goal.id} ${what}${skipCi ? ' [skip ci]' : ''}`, title(goal, 200));
}

/** The title of a goal PR. */
export function goalPullTitle(goal: JobName): string {
  return `guruguru goal ${named(goal, 120)}`;
}

/** The title of a job PR. */
export function pullTitle(job: JobName): string {
  return `guruguru ${named(job, 120)}`;
}

function named(job: JobName, max: number): string {
  const words = title(job, max);
  return words ? `${job.id}: ${words}` : job.id;
}

/** A title must not switch CI off where the settings did not. */
function title(job: JobName, max: number): string {
  return neutraliseLine(clip(job.title ?? '', max)).replace(
    /\[(skip ci|ci skip|no ci|skip actions|actions skip)\]/gi,
    '($1)',
  );
}

function withBody(subject: string, body: string): string {
  return body ? `${subject}\n\n${body}` : subject;
}
