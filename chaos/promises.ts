import { scriptOf } from '../src/job/job.ts';
import { parseJob } from '../src/job/parse-job.ts';
import type { Census, SeenJob } from './census.ts';
import type { Asked } from './people.ts';

/** A promise that was broken: which, on what, and what was seen instead. */
export interface Violation {
  kind: 'lost' | 'duplicate' | 'started_twice' | 'stuck' | 'bytes' | 'leak' | 'ended_oddly';
  what: string;
  seen: string;
}

export interface Verdict {
  answered: number;
  lost: number;
  duplicates: { pulls: number; comments: number; checks: number; reports: number };
  started_twice: number;
  stuck: number;
  starts: number;
  /** How the runs ended, by reason. */
  ends: Record<string, number>;
  violations: Violation[];
}

/** An idempotent job runs at most so often unasked (docs/guarantees.md, promise 2). */
const IDEMPOTENT_RUNS = 3;

/** Compares what is there with what is promised. Pure. */
export function judge(asked: readonly Asked[], census: Census): Verdict {
  const violations: Violation[] = [];
  const jobs = new Map(census.jobs.map((job) => [job.id, job]));
  const markOf = new Map([...jobs].map(([id, job]) => [id, /mark\d{5}/.exec(job.file)?.[0] ?? '']));
  const jobOf = new Map([...markOf].map(([id, mark]) => [mark, id]));
  let answered = 0;
  for (const ask of asked) {
    const job = jobs.get(jobOf.get(ask.scenario.mark) ?? '');
    const problems = judgeAsk(ask, job, census);
    if (problems.length === 0) answered += 1;
    violations.push(...problems, ...judgeStarts(ask, job, census));
  }
  violations.push(...judgeDuplicates(census));
  const count = (kind: Violation['kind'], what = '') =>
    violations.filter((one) => one.kind === kind && one.what.startsWith(what)).length;
  return {
    answered,
    lost: count('lost'),
    duplicates: {
      pulls: count('duplicate', 'pull'),
      comments: count('duplicate', 'comment'),
      checks: count('duplicate', 'check'),
      reports: count('duplicate', 'report'),
    },
    started_twice: count('started_twice'),
    stuck: count('stuck'),
    starts: [...census.traces.values()].flat().filter((line) => line.startsWith('start ')).length,
    ends: countEnds(census),
    violations,
  };
}

/** Promises 1 and 3: one ending, and one that can be seen. */
function judgeAsk(ask: Asked, job: SeenJob | undefined, census: Census): Violation[] {
  const { scenario, source, thread } = ask;
  const what = `ask ${source} of ${scenario.mark} in #${thread} (${scenario.asker}, ${scenario.form})`;
  const keys = census.comments.map((comment) => comment.key);
  const ended = keys.filter((key) => key.startsWith('final:ask:') && key.endsWith(`:${source}`));
  const statuses = keys.filter((key) => key.startsWith('status:ask:') && key.endsWith(`:${source}`));
  const pulls = census.pulls.filter((pull) => pull.source === source);
  const found: Violation[] = [];
  const say = (kind: Violation['kind'], seen: string) => found.push({ kind, what, seen });

  if (scenario.asker === 'stranger') {
    if (ended.length !== 1 && !isSilenced(census))
      say('lost', `${ended.length} refusals of somebody who may not ask`);
    if (statuses.length + pulls.length > 0) say('ended_oddly', 'a stranger got a status comment or a PR');
    return found;
  }
  if (statuses.length === 0) say('lost', 'no status comment');
  if (ended.length === 0 && pulls.length === 0) say('lost', 'neither an answer nor a job PR');
  const [pull] = pulls;
  if (!pull) {
    if (scenario.form !== 'prose' && ask.cancels === 0)
      say('ended_oddly', 'its job was written down, and it was answered in words');
    return found;
  }
  if (pull.state === 'closed' && ended.length === 0) say('lost', `PR #${pull.number} closed without a word`);
  if (pull.state !== 'merged') {
    // Left open on purpose, or because the yes came to nobody's ears.
    const waits = scenario.form === 'prose' && scenario.decision === 'leave';
    if (pull.state === 'open' && !waits)
      say('stuck', `PR #${pull.number} is still open (decision: ${scenario.decision})`);
    return found;
  }
  if (ended.length > 0) say('ended_oddly', `merged as #${pull.number}, and answered in words`);
  if (!job) say('lost', `merged as #${pull.number}, and its job file is nowhere on the default branch`);
  else if (!job.record) say('stuck', `job ${job.id} is in ${job.place} without a result`);
  else {
    const told = keys.filter((key) => key.startsWith('final:job:') && key.includes(`:${job.id}:`));
    if (told.length === 0) say('lost', `job ${job.id} ended and nobody was told`);
    if (job.place === 'queue') say('stuck', `job ${job.id} ended and is still in the queue`);
    const open = census.checks.filter(
      (check) => check.externalId.includes(`:${job.id}:`) && check.status !== 'completed',
    );
    if (open.length > 0) say('stuck', `job ${job.id} ended and its check run ${open[0]?.externalId} has not`);
  }
  return found;
}

/** Strangers get ten replies an hour; what they ask after that is not answered. */
const STRANGERS_REPLIES = 10;
const isSilenced = ({ comments }: Census) =>
  comments.filter(({ key }) => key.startsWith('final:ask:')).length >= STRANGERS_REPLIES;

/** Promises 2 and 4: how often it started, and that what ran are the lines that were approved. */
function judgeStarts(ask: Asked, job: SeenJob | undefined, census: Census): Violation[] {
  const { mark } = ask.scenario;
  const lines = census.traces.get(mark) ?? [];
  const what = `job ${job?.id ?? '?'} of ${mark}`;
  const found: Violation[] = [];
  const runs = lines.filter((line) => line.startsWith('start ')).map((line) => line.split(' ')[2] ?? '');
  const most = (ask.scenario.job.idempotent ? IDEMPOTENT_RUNS : 1) + ask.retries;
  if (new Set(runs).size < runs.length)
    found.push({ kind: 'started_twice', what, seen: `one run started twice: ${runs.join(', ')}` });
  else if (runs.length > most)
    found.push({ kind: 'started_twice', what, seen: `${runs.length} starts, ${most} allowed: ${runs}` });
  if (runs.length > 0 && !job) found.push({ kind: 'bytes', what, seen: 'it ran and was never merged' });
  if (job) found.push(...judgeBytes(job, lines, what));
  return found;
}

/** Each run's traces are the beginning of the merged script's, in their order. */
function judgeBytes(job: SeenJob, lines: readonly string[], what: string): Violation[] {
  const parsed = parseJob(job.file, { path: `jobs/queue/${job.id}.json` });
  if (!parsed.ok) return [{ kind: 'bytes', what, seen: `${parsed.findings[0]?.message}` }];
  const expected = scriptOf(parsed.job).flatMap(
    (line) => /^echo "((?:start|line) \d+)/.exec(line)?.[1] ?? [],
  );
  const runs = new Map<string, string[]>();
  for (const line of lines) {
    const [word, number, run = '', id] = line.split(' ');
    if (id !== job.id) return [{ kind: 'bytes', what, seen: `its traces are of job ${id}` }];
    runs.set(run, [...(runs.get(run) ?? []), `${word} ${number}`]);
  }
  for (const [run, traces] of runs) {
    if (traces.some((trace, index) => trace !== expected[index]))
      return [{ kind: 'bytes', what, seen: `run ${run} left ${traces}, the merged file says ${expected}` }];
  }
  return [];
}

function countEnds(census: Census): Record<string, number> {
  const ends: Record<string, number> = {};
  for (const { reason } of census.jobs.flatMap((job) => job.record?.runs ?? []))
    ends[reason] = (ends[reason] ?? 0) + 1;
  return ends;
}

function judgeDuplicates(census: Census): Violation[] {
  const found: Violation[] = [];
  const twice = (kind: string, keys: readonly string[]) => {
    const counts = new Map<string, number>();
    for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
    for (const [key, count] of counts) {
      if (count > 1) found.push({ kind: 'duplicate', what: `${kind} ${key}`, seen: `${count} of them` });
    }
  };
  twice('pull', census.pulls.map((pull) => pull.source).filter(Boolean));
  twice(
    'comment',
    census.comments.map((comment) => comment.key || `without a key in #${comment.thread}`),
  );
  twice(
    'check',
    census.checks.map((check) => `${check.externalId} on ${check.sha}`),
  );
  twice('report', census.commits.filter(isReport).map(reportOf));
  twice('report', census.commits.filter(isLedger));
  twice('report entry of the ledger', census.ledger);
  return found;
}

const isReport = (subject: string) =>
  /^guruguru: \d{4}-\d\d-\d\d-\d+ (succeeded|failed|cancelled|lost)/.test(subject);
const isLedger = (subject: string) => subject.startsWith('guruguru: costs up to ');
/** Job, end and run number: a late result after `lost` is another report of the same run. */
const reportOf = (subject: string) =>
  subject.replace(/ on .*?(?= \(run|$| \[)/, '').replace(' [skip ci]', '');
