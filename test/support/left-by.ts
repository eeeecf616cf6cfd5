import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { vi } from 'vitest';
import type { Loop } from './loop.ts';

/** What one ask has left on GitHub and in the rows. */
export interface Left {
  job: string;
  /** `content by login`. */
  reactions: string[];
  /** Head branches of its PRs with whether they are merged. */
  pulls: { merged: boolean; ref: string }[];
  /** Bodies of its status comments. */
  status: string[];
  /** Bodies of its final replies. */
  final: string[];
  /** Everything the app wrote in its thread. */
  comments: number;
  /** `name: status conclusion`, superseded ones too, by name. */
  checks: string[];
  /** Commits of the default branch. */
  merges: number;
  reports: number;
  /** Runs in the committed record. */
  runs: number;
  /** The committed log. */
  log: string;
  ended: { state: unknown; reason: unknown };
  /** Outcomes in the ledger. */
  calls: unknown[];
}

/** Reads the app's database beside it. */
export function query(loop: Loop, sql: string, ...parameters: string[]): Record<string, unknown>[] {
  const database = new DatabaseSync(join(loop.folder, 'data', 'guruguru.sqlite'), { readOnly: true });
  try {
    const rows = database.prepare(sql).all(...parameters);
    return rows.map((row) => ({ ...row }));
  } finally {
    database.close();
  }
}

/** Resolves when nothing is left to do: what has not happened by then will not. */
export async function nothingDue(loop: Loop, timeoutMs = 20_000): Promise<void> {
  await loop.github.webhooks.idle();
  await vi.waitFor(
    () => {
      const left = query(
        loop,
        "select key, last_error from work where key not in ('leases', 'reconcile') and key not like 'costs:%'",
      );
      if (left.length > 0) throw new Error(`still due: ${JSON.stringify(left)}`);
    },
    { timeout: timeoutMs, interval: 25 },
  );
}

/** @param ask ids of the comment and of the issue it stands in */
export async function leftBy(loop: Loop, ask: { comment: number; thread: number }): Promise<Left> {
  const { read, app } = loop.github;
  const key = `ask:%:c${ask.comment}`;
  const [row = {}] = query(loop, 'select job_id, state, reason from asks where key like ?', key);
  const job = String(row.job_id);
  const branch = `guruguru/ask-c${ask.comment}`;
  const pulls = (await read.pulls()).filter(
    ({ head }) => head.ref === branch || head.ref.startsWith(`${branch}-`),
  );
  const ours = (await read.comments(ask.thread)).filter((comment) => comment.author === app.botLogin);
  const bodies = (kind: string) =>
    ours.map((comment) => comment.body).filter((body) => body.includes(`<!-- guruguru:${kind}:`));
  const checks = pulls[0] ? await read.checkRuns(pulls[0].head.sha, 'all') : [];
  const commits = (await read.commits()).map((commit) => JSON.stringify(commit));
  const named = commits.filter((commit) => commit.includes(`guruguru: ${job}`));
  const record = JSON.parse((await read.file(`reports/jobs/${job}.json`)) ?? '{"runs":[]}');
  return {
    job,
    reactions: await read.reactions({ comment: ask.comment }),
    pulls: pulls.map(({ merged, head }) => ({ merged, ref: head.ref })),
    status: bodies('status'),
    final: bodies('final'),
    comments: ours.length,
    checks: checks.map((check) => `${check.name}: ${check.status} ${check.conclusion}`).sort(),
    merges: named.filter((commit) => commit.includes('(#')).length,
    reports: named.filter((commit) => !commit.includes('(#') && !commit.includes('propose')).length,
    runs: record.runs.length,
    log: (await read.file(`reports/jobs/${job}.out`)) ?? '',
    ended: { state: row.state, reason: row.reason },
    calls: query(loop, 'select outcome from model_calls where ask_key like ? order by at', key).map(
      (call) => call.outcome,
    ),
  };
}

/** What a fenced or approved ask that succeeded leaves when nothing was done twice. */
export function once(loop: Loop, ask: { comment: number }, job: string) {
  return {
    job,
    reactions: [`eyes by ${loop.github.app.botLogin}`],
    pulls: [{ merged: true, ref: `guruguru/ask-c${ask.comment}` }],
    comments: 2,
    checks: [`guruguru / ${job}: completed success`, 'guruguru / validate: completed success'],
    merges: 1,
    reports: 1,
    runs: 1,
    ended: { state: 'ended', reason: 'succeeded' },
  };
}
