import type {
  BranchCommit,
  BranchUpdate,
  CheckContent,
  CheckRun,
  Comment,
  CommitFiles,
  CommitOutcome,
  Comparison,
  EnsureCheckRun,
  EnsureComment,
  EnsureIssue,
  FileChange,
  Issue,
  Membership,
  MergeMethod,
  MergeOutcome,
  OpenedPull,
  Permission,
  Pull,
  PullFile,
  Reaction,
  Repository,
  RepositoryFile,
  Review,
  ReviewComment,
  Source,
  TreeEntry,
} from './types.ts';

/**
 * One repository, as one installation sees it. Every call may throw a GitHubError (errors.ts), whose
 * `retryAt` says when it makes sense again. Every write is find-or-create: done twice, it is there once.
 */
export interface RepositoryClient {
  readonly owner: string;
  readonly name: string;
  readonly repoId: number;
  /** How long after it was sent a write whose answer never came may still land, in ms. */
  readonly landsWithinMs: number;

  getRepository(signal: AbortSignal): Promise<Repository>;
  /** 404 and anything unknown are `none`. Uses `permission`; `role_name` may be a custom role. */
  permission(login: string, signal: AbortSignal): Promise<Permission>;
  /** Whether somebody has `maintain` or more, also by a custom role. */
  maintains(login: string, signal: AbortSignal): Promise<boolean>;
  /** Of a team of the organization that owns the repository; there is none in a person's. */
  membership(team: string, login: string, signal: AbortSignal): Promise<Membership>;
  /** null when there is no such file at that ref. Follows symlinks silently (GitHub does). */
  readFile(path: string, ref: string, signal: AbortSignal): Promise<RepositoryFile | null>;
  /** Head commit of a branch, or null when there is none. */
  branchHead(branch: string, signal: AbortSignal): Promise<string | null>;
  tree(
    ref: string,
    options: { recursive: boolean },
    signal: AbortSignal,
  ): Promise<{ entries: TreeEntry[]; truncated: boolean }>;
  readBlob(sha: string, signal: AbortSignal): Promise<Uint8Array>;
  compare(base: string, head: string, signal: AbortSignal): Promise<Comparison>;
  /** Branches whose name starts so, e.g. `guruguru/ask-`. */
  matchingRefs(prefix: string, signal: AbortSignal): Promise<{ branch: string; sha: string }[]>;

  issue(number: number, signal: AbortSignal): Promise<Issue>;
  /** In order; of a thread longer than `limit` (default 300) the newest. */
  comments(number: number, options: { limit?: number }, signal: AbortSignal): Promise<Comment[]>;
  issueComment(id: number, signal: AbortSignal): Promise<Comment>;
  reviewComment(id: number, signal: AbortSignal): Promise<ReviewComment>;

  pull(number: number, signal: AbortSignal): Promise<Pull>;
  /** At most 300 files, then `truncated`. */
  pullFiles(number: number, signal: AbortSignal): Promise<{ files: PullFile[]; truncated: boolean }>;
  /** The diff's first `maxBytes`; empty and truncated when GitHub finds it too large to show. */
  pullDiff(
    number: number,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<{ text: string; truncated: boolean }>;
  /** In order of submission; none of them when there are more than 1,000. */
  reviews(number: number, signal: AbortSignal): Promise<Review[]>;
  /** The merged PR that brought a file to the branch; null when none did: it was pushed, or is not there. */
  pullOfFile(path: string, branch: string, signal: AbortSignal): Promise<number | null>;
  /** A merged or open PR that brings this commit; null when there is none. */
  pullOfCommit(sha: string, signal: AbortSignal): Promise<number | null>;
  /** Open and closed, with a branch of this repository as head; newest first. */
  pullsFrom(branch: string, signal: AbortSignal): Promise<Pull[]>;
  /** The newest commit of a branch that touched a path, and the merged PR it came by; null when none did. */
  broughtBy(
    path: string,
    branch: string,
    signal: AbortSignal,
  ): Promise<{ commit: string; pull: number | null } | null>;
  /** `head` is a branch of this repository. */
  openPulls(filter: { base?: string; head?: string }, signal: AbortSignal): Promise<Pull[]>;
  /** Newest of each name first; `ours` tells this app's. */
  checkRuns(sha: string, filter: { name?: string }, signal: AbortSignal): Promise<CheckRun[]>;

  react(source: Source, content: Reaction, signal: AbortSignal): Promise<void>;
  /** Whether this app has reacted so. */
  reacted(source: Source, content: Reaction, signal: AbortSignal): Promise<boolean>;
  ensureComment(options: EnsureComment, signal: AbortSignal): Promise<{ id: number; created: boolean }>;
  /** `key` as in ensureComment: the marker is kept. */
  updateComment(
    id: number,
    options: { key: string; body: string },
    signal: AbortSignal,
  ): Promise<'updated' | 'gone'>;
  commitComment(
    sha: string,
    options: { key: string; body: string; landsUntil?: number | undefined },
    signal: AbortSignal,
  ): Promise<{ id: number; created: boolean }>;

  /** `id`: the issue's number. `same`: its text is the one given, because it was just made or made by an earlier try. */
  ensureIssue(options: EnsureIssue, signal: AbortSignal): Promise<{ id: number; same: boolean }>;
  setIssueState(number: number, state: 'open' | 'closed', signal: AbortSignal): Promise<'updated' | 'gone'>;

  /** A new branch with one commit on `base`. Pass the same `base` when you repeat it. */
  ensureBranchCommit(
    options: { branch: string; base: string; files: FileChange[]; message: string },
    signal: AbortSignal,
  ): Promise<BranchCommit>;
  /** One commit on top of `from`, the head we know. */
  updateBranch(
    branch: string,
    options: { from: string; files: FileChange[]; message: string },
    signal: AbortSignal,
  ): Promise<BranchUpdate>;
  commitFiles(options: CommitFiles, signal: AbortSignal): Promise<CommitOutcome>;

  /** `again`: it may have been opened before, and then an ended one is taken too: nobody is asked twice. */
  ensurePull(
    options: { head: string; base: string; title: string; body: string; again?: boolean },
    signal: AbortSignal,
  ): Promise<OpenedPull>;
  updatePull(
    number: number,
    changes: { title?: string; body?: string; state?: 'open' | 'closed' },
    signal: AbortSignal,
  ): Promise<void>;
  closePull(number: number, signal: AbortSignal): Promise<void>;
  /** `allowed` in order of preference; `sha` is the approved head and is always sent. */
  mergePull(
    number: number,
    options: { sha: string; allowed: MergeMethod[]; title: string },
    signal: AbortSignal,
  ): Promise<MergeOutcome>;

  ensureCheckRun(options: EnsureCheckRun, signal: AbortSignal): Promise<{ id: number; created: boolean }>;
  updateCheckRun(id: number, content: CheckContent, signal: AbortSignal): Promise<'updated' | 'gone'>;
}
