import { createHash } from 'node:crypto';
import type { Job } from '../job/job.ts';
import { requiredOf } from '../job/match-runner.ts';
import type { JobRow } from '../store/tables.ts';

/** The columns of a proposed job that come from its file. */
export function jobColumns(
  repoId: number,
  job: Job,
  text: string,
  digest: string,
  now: number,
): Omit<JobRow, 'pr_number' | 'head_sha' | 'ask_key'> {
  return {
    repo_id: repoId,
    id: job.id,
    state: 'proposed',
    reason: 'planned',
    file: text,
    digest,
    blob_sha: blobSha(text),
    approval: null,
    runs_on: JSON.stringify(job.runs_on ?? []),
    requires: JSON.stringify(requiredOf(job)),
    touches: JSON.stringify(job.touches ?? []),
    effect: job.effect ?? 'change',
    concurrency: job.concurrency ?? null,
    idempotent: job.idempotent ? 1 : 0,
    attempt: 0,
    lease_losses: 0,
    verdict: null,
    report_sha: null,
    queued_at: null,
    created_at: now,
    updated_at: now,
  };
}

/** Git's name of a blob: SHA-1 over `blob <bytes>\0<content>`. */
export function blobSha(content: string | Uint8Array): string {
  const bytes = Buffer.from(content);
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}
