import { completeJob, type PartialJob } from './complete-job.ts';
import { GIVEN_BY_APP, type Goal, goalSchema } from './goal.ts';
import { type ParsedGoal, parseGoal } from './parse-goal.ts';
import type { Settings } from './settings.ts';

/** A goal before it has an id; what the envelope leaves out comes from the repository's defaults. */
export interface PartialGoal {
  title?: string;
  goal: string;
  dod?: string;
  envelope: Partial<Goal['envelope']> & Pick<Goal['envelope'], 'commands' | 'effect'>;
  firstJob: PartialJob;
}

const PLACEHOLDER_ID = '2001-01-01-001';

export type CompletedGoal =
  | (Extract<ParsedGoal, { ok: true }> & { ok: true })
  | { ok: false; errors: { field: string; message: string }[] };

/**
 * The goal file of an ask, completed from the repository's defaults and judged by parseGoal. It says
 * everything itself, so that what is approved is what its jobs are compared with.
 */
export function completeGoal(
  partial: PartialGoal,
  options: { id: string; settings: Pick<Settings, 'defaults' | 'limits'>; asked?: Goal['asked'] },
): CompletedGoal {
  const { defaults, limits } = options.settings;
  const { workdirs, runners, max_jobs, ...envelope } = partial.envelope;
  const done = completeJob(
    { ...partial.firstJob, effect: partial.firstJob.effect ?? envelope.effect },
    { id: PLACEHOLDER_ID, defaults },
  );
  if (!done.ok) return done;
  const first = Object.entries(JSON.parse(done.text) as Record<string, unknown>).filter(
    ([field]) => !(GIVEN_BY_APP as readonly string[]).includes(field),
  );
  const file = {
    id: options.id,
    ...(partial.title ? { title: partial.title } : {}),
    goal: partial.goal,
    ...(partial.dod ? { dod: partial.dod } : {}),
    envelope: {
      runners: runners ?? done.job.runs_on ?? [],
      workdirs: workdirs ?? [done.job.workdir],
      ...envelope,
      max_jobs: max_jobs ?? Math.min(5, limits.jobsPerGoal),
    },
    first_job: Object.fromEntries(first),
    ...(options.asked ? { asked: options.asked } : {}),
  };
  // Defaults are written out: what is not said is not approved.
  const filled = goalSchema.safeParse(file);
  const text = `${JSON.stringify(filled.success ? filled.data : file, null, 2)}\n`;
  const parsed = parseGoal(text, { path: `jobs/goals/${options.id}.json` });
  if (parsed.ok) return parsed;
  return {
    ok: false,
    errors: parsed.findings.map(({ field, message }) => ({ field: field ?? '', message })),
  };
}
