import { createHash } from 'node:crypto';
import { ForeignPullError } from '../github/pulls.ts';
import type { Scope } from '../github/scope.ts';
import { correctionCommitMessage } from '../messages/commit-messages.ts';
import type { Language } from '../messages/detect-language.ts';
import { messagesFor } from '../messages/messages.ts';
import type { JobRow } from '../store/tables.ts';

/** The work item that asks what the report of a job's current run contradicts. */
export function contradictionKey({
  repo_id,
  id,
  attempt,
}: Pick<JobRow, 'repo_id' | 'id' | 'attempt'>): string {
  return `contradiction:${repo_id}:${id}:${Math.max(1, attempt)}`;
}

/** One line of a file that a result contradicts, in a model's reading. */
export interface Correction {
  path: string;
  /** The line as it is. */
  passage: string;
  why: string;
  /** The whole file with the smallest edit, and the commit it was read at. */
  text: string;
  base: string;
  /** What the job does, whatever its id: the same finding by the same job is no news. */
  evidence: string;
  jobId: string;
  /** Of the report, and its path. */
  reportUrl: string;
  report: string;
  model: string;
  language: Language;
}

/**
 * Opens a pull request with the edit, once: by its branch it is found again, also when a person has closed or
 * merged it, and while one about the same line is open there is no second.
 */
export async function proposeCorrection(scope: Scope, correction: Correction): Promise<'opened' | 'known'> {
  const { client, repo, signal } = scope;
  const place = `guruguru/state-${short(`${correction.path}\0${correction.passage}`, 12)}-`;
  const branch = `${place}${short(correction.evidence, 8)}`;
  const before = (await client.pullsFrom(branch, signal)).length > 0;
  const open = (await client.openPulls({}, signal)).some(
    (pull) => pull.headRef.startsWith(place) && pull.ours,
  );
  if (before || open) return 'known';
  const { path, text, base } = correction;
  const files = [{ path, content: text }];
  const message = correctionCommitMessage({ path, job: correction.jobId });
  const commit = await client.ensureBranchCommit({ branch, base, files, message }, signal);
  if (commit.kind === 'foreign_branch') {
    scope.log.warn({ branch }, 'a branch for a correction is not ours: left alone');
    return 'known';
  }
  const m = messagesFor(correction.language);
  const title = m.correctionTitle({ path, jobId: correction.jobId });
  const body = m.correctionBody(correction);
  try {
    await client.ensurePull({ head: branch, base: repo.default_branch, title, body, again: true }, signal);
  } catch (error) {
    if (!(error instanceof ForeignPullError)) throw error;
    scope.log.warn({ branch }, 'a pull request for a correction is not ours: left alone');
  }
  return 'opened';
}

function short(text: string, length: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, length);
}
