import type { PartialGoal } from '../job/complete-goal.ts';
import type { PartialJob } from '../job/complete-job.ts';
import type { PartialSchedule } from '../job/schedule/complete-schedule.ts';

/** A passage of STATE or the docs that a job serves. */
export interface Passage {
  path: string;
  /** Full commit SHA the path was read at. */
  commit: string;
  /** The words themselves, or a heading. */
  passage?: string;
}

/**
 * A job as the planner knows it. What `job` leaves out comes from the repository's defaults (completeJob);
 * `job.title`, `job.serves` and `job.why` are filled where they are known.
 */
export interface PlannedJob {
  kind: 'job';
  /** One line, at most 120 characters. */
  title: string;
  /** What will happen and why, in the asker's language: a few sentences of Markdown. Empty for a fenced ask. */
  summary: string;
  /** Only a pasted job file has one: to be used as it is, or refused when taken. */
  id?: string;
  job: PartialJob;
  serves: Passage[];
}

/** A goal as the planner knows it. */
export interface PlannedGoal extends PartialGoal {
  kind: 'goal';
  title: string;
  /** For who approves: what will happen, and what is open. Empty for a fenced goal. */
  summary: string;
  /** Only a pasted goal file has one. */
  id?: string;
}

/** A job that is to run again and again, as the planner knows it: see completeSchedule. */
export interface PlannedSchedule {
  kind: 'schedule';
  /** As of PlannedJob. */
  title: string;
  summary: string;
  schedule: PartialSchedule;
  serves: Passage[];
}

/** What the planner decided. Stored before any side effect and never recomputed. */
export type Plan =
  | PlannedJob
  | PlannedSchedule
  | { kind: 'answer'; text: string }
  | { kind: 'question'; text: string }
  | { kind: 'refusal'; reason: string };

/** What the planner made of `/goal`. */
export type GoalPlan = PlannedGoal | Exclude<Plan, PlannedJob | PlannedSchedule>;
