import { isGitHubError } from '../github/errors.ts';
import { publishComment, publishIssue } from '../github/publish.ts';
import { repositoryUrl, type Scope } from '../github/scope.ts';
import { scriptOf } from '../job/job.ts';
import { decodeLog, renderLog } from '../job/report-format.ts';
import type { Schedule } from '../job/schedule/schedule.ts';
import { redactPublished } from '../job/secrets/redact-published.ts';
import { detectLanguage } from '../messages/detect-language.ts';
import { fencedTail, link, paragraphs } from '../messages/markdown.ts';
import { messagesFor } from '../messages/messages.ts';
import { neutraliseLine } from '../messages/neutralise.ts';
import type { ScheduleSaid } from '../messages/views.ts';
import { getJob } from '../store/jobs.ts';
import { readLogTail } from '../store/logs.ts';
import { deletePublished } from '../store/published.ts';
import { latestRun } from '../store/runs.ts';
import { getTick } from '../store/schedules.ts';
import { entryOf } from './commit-ticks.ts';
import { outcomeOf } from './job-outcome.ts';
import { jobOf } from './judge-run.ts';

/** Every schedule's issue bears it. */
export const SCHEDULE_LABEL = 'guruguru-schedule';

const LINES = 15;
const OUTPUT_MAX = 4_000;
const TAIL_BYTES = 96 * 1024;

/** What is to be said of a schedule, about one of its ticks; `at`: ms. */
interface Word {
  kind: ScheduleSaid['kind'];
  tick: string;
  at: number;
}

export function issueKey(repoId: number, name: string): string {
  return `schedule-issue:${repoId}:${name}`;
}

/**
 * Says one thing on the one issue of a schedule: opens it with the first, then writes a comment, and opens or
 * closes it with what it says. Resolves to whether the issue is open now.
 */
export async function saySchedule(scope: Scope, schedule: Schedule, word: Word): Promise<boolean> {
  const { client, repo, signal, store } = scope;
  const key = issueKey(repo.id, schedule.name);
  const open = word.kind !== 'recovered' && word.kind !== 'removed';
  const body = await wordsOf(scope, schedule, word);
  const content = `${word.kind} ${word.tick}`;
  const title = neutraliseLine(`${schedule.title ?? schedule.name} (${schedule.name})`).slice(0, 250);
  const issue = await publishIssue(scope, { key, title, body, label: SCHEDULE_LABEL, content }).catch(
    (error: unknown) => {
      // Issues are turned off in this repository: its reports say it all the same.
      if (isGitHubError(error, 'gone') && error.status === 410) return null;
      throw error;
    },
  );
  if (!issue) return false;
  const { number, same } = issue;
  if (!same) {
    const comment = `schedule:${repo.id}:${word.tick || schedule.name}:${word.kind}`;
    await publishComment(scope, { issue: number, key: comment, body });
  }
  if (!same || !open) {
    const state = await client.setIssueState(number, open ? 'open' : 'closed', signal);
    // Deleted by somebody: the next word opens another.
    if (state === 'gone') await store.write((tx) => deletePublished(tx, key));
  }
  return open;
}

async function wordsOf(scope: Scope, schedule: Schedule, word: Word): Promise<string> {
  const { settings, store, repo } = scope;
  // Nobody asks here: the schedule's own title says in which language people wrote.
  const { language } = settings;
  const m = messagesFor(language === 'auto' ? detectLanguage(schedule.title ?? '') : language);
  const tick = await getTick(store.db, repo.id, word.tick);
  const row = await getJob(store.db, repo.id, word.tick);
  const run = row && (await latestRun(store.db, repo.id, row.id));
  const entry = tick ? entryOf(tick) : null;
  const job = row && jobOf(row);
  const outcome = entry && job ? outcomeOf(job, entry, run) : null;
  const log =
    run && word.kind === 'failed'
      ? redactPublished(
          renderLog(decodeLog(await readLogTail(store.db, run.id, TAIL_BYTES)), job ? scriptOf(job) : []),
        )
      : '';
  const report =
    entry?.log && row?.report_sha ? `${repositoryUrl(scope)}/blob/${row.report_sha}/${entry.log}` : undefined;
  return paragraphs(
    m.scheduleSaid({
      kind: word.kind,
      name: schedule.name,
      at: tick?.at ?? word.at,
      timeZone: schedule.time_zone,
      outcome,
      taken: run !== undefined,
    }),
    outcome && word.kind !== 'missing' && word.kind !== 'removed' && m.why({ reason: outcome.reason }),
    fencedTail(log, LINES, OUTPUT_MAX),
    report && link(m.linkReport(), report),
  );
}
