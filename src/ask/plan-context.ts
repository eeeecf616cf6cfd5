import type { JobDefaults, Settings } from '../job/settings.ts';
import type { BlobCache } from './repository-reader.ts';

interface ContextAsk {
  /** Number of the issue or pull request. */
  thread: number;
  onPull: boolean;
  login: string;
  /** The ask as it arrived, without its trigger word. */
  text: string;
  language: 'en' | 'ja';
  /** The comment that is the ask, so that it is not shown twice; null for an issue or PR body. */
  commentId: number | null;
  /** Where a review comment stands. */
  place?: { path: string; line: number | null; hunk: string };
  /** When planning again: the plan in force, and what was said about it. */
  previous?: { plan: string; objections: { login: string; text: string }[] };
}

export interface RunnerSeen {
  name: string;
  labels: string[];
  capabilities: string[];
  /** Seconds since it was last heard. */
  seenSecondsAgo: number;
}

export interface ContextRequest {
  ask: ContextAsk;
  /** `owner/name`. */
  repository: string;
  /** Name of the branch whose tree, files and reports are read. */
  defaultBranch: string;
  /** Used: context.files, context.maxTokens, defaults. */
  settings: Settings;
  runners: RunnerSeen[];
  cache?: BlobCache;
}

export type PartKind =
  | 'ask'
  | 'previous_plan'
  | 'objection'
  | 'place'
  | 'thread'
  | 'comment'
  | 'file'
  | 'diff'
  | 'changed_files'
  | 'report'
  | 'tree';

export interface ContextPart {
  kind: PartKind;
  /** What it is: a path, a title, a time. */
  label: string;
  /** Who wrote it, where one person did. */
  login?: string;
  /** Written by someone with write permission, or on the default branch by way of one. */
  trusted: boolean;
  text: string;
}

export interface PlanContext {
  repository: string;
  /** Full SHA of the default branch's head; everything but the thread was read there. Empty: no commit yet. */
  commit: string;
  language: 'en' | 'ja';
  /** Number of the thread, and whether it is a pull request. */
  thread: { number: number; pull: boolean };
  defaults: JobDefaults;
  runners: RunnerSeen[];
  /** Most important first. */
  parts: ContextPart[];
  /** One line each, about what was clipped or left out. */
  notices: string[];
  /** Every file of the tree at `commit`; `serves` may name no other. */
  paths: Set<string>;
  /** Estimated tokens of all parts. */
  tokens: number;
}
