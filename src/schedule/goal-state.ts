import { z } from 'zod';
import type { Approval, GoalData } from '../store/row-data.ts';
import type { GoalRow } from '../store/tables.ts';

const verdict = z.object({
  kind: z.enum(['reached', 'next', 'stuck', 'stopped', 'closed']),
  by: z.enum(['dod', 'model', 'rule', 'person']),
  reason: z.string().optional(),
  text: z.string().optional(),
  evidence: z.array(z.string()).optional(),
  dod: z.object({ verdict: z.enum(['met', 'unmet', 'error']), detail: z.string() }).optional(),
  at: z.string(),
});
const stateFile = z.object({
  version: z.literal(1),
  id: z.string(),
  /** Of the goal file. */
  blob: z.string(),
  state: z.enum(['running', 'waiting', 'reached', 'stopped', 'cancelled']),
  started_at: z.string(),
  approval: z.object({ login: z.string(), how: z.string(), sha: z.string() }).nullable(),
  ended: z.object({ reason: z.string(), by: z.string().optional() }).optional(),
  steps: z.array(
    z.object({
      job: z.string(),
      why: z.string(),
      outside: z.array(z.string()),
      verdict: verdict.optional(),
      prints: z.object({ failure: z.string().nullable(), whole: z.string() }).optional(),
      base: z.string(),
      /** The job file, so that a lost database proposes the same bytes. */
      file: z.string(),
    }),
  ),
});

export interface GoalState {
  blob: string;
  state: z.infer<typeof stateFile>['state'];
  approval: Approval | null;
  data: GoalData;
}

/** `reports/goals/<id>.json`: what was decided so far, and why. From data only; equal rows give equal text. */
export function renderGoalState(goal: GoalRow, data: GoalData): string {
  const approval = goal.approval ? (JSON.parse(goal.approval) as Approval) : null;
  const file = {
    version: 1,
    id: goal.id,
    blob: goal.blob_sha,
    state: goal.state,
    started_at: iso(data.startedAt ?? goal.created_at),
    approval: approval && { login: approval.login, how: approval.how, sha: approval.sha },
    ...(data.ended ? { ended: data.ended } : {}),
    steps: data.steps.map(({ jobId, why, outside, verdict: said, prints, base, file: text }) => ({
      job: jobId,
      why,
      outside,
      ...(said ? { verdict: { ...said, at: iso(said.at) } } : {}),
      ...(prints ? { prints } : {}),
      base,
      file: text,
    })),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

const iso = (ms: number) => new Date(ms).toISOString();

/** The file read back; null when it is none of this goal. */
export function parseGoalState(text: string, goal: { id: string; blob: string }): GoalState | null {
  let parsed: z.infer<typeof stateFile>;
  try {
    parsed = stateFile.parse(JSON.parse(text));
  } catch {
    return null;
  }
  if (parsed.id !== goal.id || parsed.blob !== goal.blob) return null;
  const steps: GoalData['steps'] = parsed.steps.map(({ job, verdict: said, prints, ...rest }) => ({
    ...rest,
    jobId: job,
    ...(said ? { verdict: withoutAbsent({ ...said, at: Date.parse(said.at) }) } : {}),
    ...(prints ? { prints } : {}),
  }));
  return {
    blob: parsed.blob,
    state: parsed.state,
    approval: parsed.approval as Approval | null,
    data: {
      steps,
      startedAt: Date.parse(parsed.started_at),
      ...(parsed.ended ? { ended: withoutAbsent(parsed.ended) } : {}),
    },
  };
}

/** zod gives `undefined` for what is not there. */
function withoutAbsent<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as T;
}
