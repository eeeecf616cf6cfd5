import { publishComment } from '../github/publish.ts';
import type { Scope } from '../github/scope.ts';
import type { Pull } from '../github/types.ts';
import { paragraphs } from '../messages/markdown.ts';
import { messagesFor } from '../messages/messages.ts';
import { getJob } from '../store/jobs.ts';
import { getPull } from '../store/pulls.ts';
import { type AskData, askData, pullData } from '../store/row-data.ts';
import type { AskRow } from '../store/tables.ts';

interface ReplanTarget {
  pull: Pull;
  /** Of the plan that is to be put there. */
  revision: number;
  /** The head it is put on, stored before: a repetition finds its first try by it. */
  from: string;
  /** That head holds our job file and nothing else, and so will the next. */
  own: boolean;
}

/**
 * The job PR an ask replans. null: it makes a PR of its own, also when the other was merged or closed while
 * this one was planned, or when its branch is in a fork, where the app cannot write.
 */
export async function replanTarget(scope: Scope, ask: AskRow): Promise<ReplanTarget | null> {
  const { replans, base } = askData(ask);
  if (!replans) return null;
  const pull = await scope.client.pull(replans.pull, scope.signal);
  const here = `${scope.repo.owner}/${scope.repo.name}`.toLowerCase();
  const fork = pull.headRepository?.toLowerCase() !== here;
  const job = await getJob(scope.store.db, scope.repo.id, replans.jobId);
  if (pull.state !== 'open' || fork || job?.state !== 'proposed') return null;
  const data = pullData(await getPull(scope.store.db, scope.repo.id, replans.pull));
  const from = base ?? pull.headSha;
  return { pull, revision: (data.revision ?? 1) + 1, from, own: data.ownSha === from };
}

/** An ask that makes a PR of its own after all keeps nothing of the other. */
export function withoutReplans({ replans, base, ...data }: AskData): AskData {
  return replans ? data : { ...data, ...(base ? { base } : {}) };
}

/** The replanning's own reply; the first ask's status goes on with the PR. */
export async function sayReplanned(scope: Scope, ask: AskRow, pull: Pull, revision: number): Promise<void> {
  const m = messagesFor(ask.language);
  const link = { number: pull.number, url: pull.url };
  const body = paragraphs(m.pullRevision({ revision }), m.nextApprove({ pull: link }));
  await publishComment(scope, { issue: ask.thread, key: `final:${ask.key}`, body });
}
