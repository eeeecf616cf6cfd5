/** Shapes the GitHub client takes and gives. Times are ISO 8601 strings as GitHub sends them. */

/** Where something was written: `c` issue or PR comment, `r` PR review comment, `i` issue or PR body. */
export type Source = { kind: 'c' | 'r' | 'i'; id: number };

/** For `i` the id is the issue or PR number, because GitHub addresses its reactions by number. */
export type Reaction = '+1' | '-1' | 'laugh' | 'confused' | 'heart' | 'hooray' | 'rocket' | 'eyes';

export type Permission = 'admin' | 'write' | 'read' | 'none';

/** Whether somebody is in a team; `unreadable`: the app may not look (`members: read` was not granted). */
export type Membership = 'member' | 'no' | 'unreadable';

export type MergeMethod = 'merge' | 'squash' | 'rebase';

export interface Repository {
  /** Survives rename and transfer; compare it with the id you know before you trust the name. */
  id: number;
  fullName: string;
  owner: string;
  name: string;
  ownerType: 'User' | 'Organization';
  defaultBranch: string;
  archived: boolean;
  private: boolean;
  /** In the order merge, squash, rebase: what the repository allows. */
  mergeMethods: MergeMethod[];
  /** GitHub's clock when it answered, ms since the epoch; its header counts whole seconds. */
  readAt: number;
}

export interface RepositoryFile {
  /** Decoded as UTF-8 with replacement characters; judge the encoding by `bytes`. */
  text: string;
  bytes: Uint8Array;
  blobSha: string;
}

export interface TreeEntry {
  path: string;
  sha: string;
  /** Bytes; 0 for a tree. */
  size: number;
  type: 'blob' | 'tree' | 'commit';
  /** Git's mode; `120000` is a symlink, which readFile would follow silently. */
  mode: string;
}

export interface Issue {
  number: number;
  /** GraphQL's id. */
  nodeId: string;
  title: string;
  body: string;
  login: string;
  /** GitHub's user type, `Bot` for an app. */
  loginType: string;
  state: 'open' | 'closed';
  isPull: boolean;
  /** Only a pull request is ever merged. */
  merged: boolean;
  createdAt: string;
  updatedAt: string;
}

export interface Comment {
  id: number;
  /** GraphQL's id. */
  nodeId: string;
  body: string;
  login: string;
  loginType: string;
  /** True when this app wrote it: the only comments whose hidden marker may be trusted. */
  ours: boolean;
  /** Number of the issue or PR it stands on. */
  thread: number;
  createdAt: string;
  updatedAt: string;
  url: string;
}

export interface ReviewComment extends Comment {
  path: string;
  diffHunk: string;
  line: number | null;
  /** The first comment of its conversation, or null when it is the first itself. */
  inReplyTo: number | null;
}

export interface Pull {
  number: number;
  nodeId: string;
  title: string;
  body: string;
  login: string;
  loginType: string;
  /** This app opened it. */
  ours: boolean;
  state: 'open' | 'closed';
  draft: boolean;
  merged: boolean;
  /** null: GitHub has not computed it yet, or the pull request came from a list. */
  mergeable: boolean | null;
  mergedBy: string | null;
  /** GitHub's account type of who merged it: `User`, or `Bot` for an app or a workflow. */
  mergedByType: string | null;
  /** This app merged it, which it only does with an approved head. */
  mergedByUs: boolean;
  /** Only meaningful once merged. */
  mergeCommitSha: string | null;
  headSha: string;
  headRef: string;
  /** `owner/name` of the head's repository; null when that was deleted. */
  headRepository: string | null;
  baseRef: string;
  baseSha: string;
  url: string;
  createdAt: string;
  updatedAt: string;
}

export interface PullFile {
  path: string;
  previousPath: string | null;
  status: 'added' | 'removed' | 'modified' | 'renamed' | 'copied' | 'changed' | 'unchanged';
  /** Blob SHA on the head; of the removed blob when the file was removed. */
  blobSha: string;
}

export interface Review {
  id: number;
  login: string;
  loginType: string;
  /** Upper-case in the API, unlike the webhook. */
  state: 'APPROVED' | 'CHANGES_REQUESTED' | 'COMMENTED' | 'DISMISSED' | 'PENDING';
  body: string;
  /** The head it was given on; null when that commit is gone. */
  commitSha: string | null;
  submittedAt: string | null;
}

export interface Comparison {
  status: 'ahead' | 'behind' | 'diverged' | 'identical';
  aheadBy: number;
  behindBy: number;
  mergeBaseSha: string;
  /** At most the first 300, GitHub's limit. */
  files: PullFile[];
}

type CheckConclusion =
  | 'success'
  | 'failure'
  | 'neutral'
  | 'cancelled'
  | 'skipped'
  | 'timed_out'
  | 'action_required';

export interface CheckRun {
  id: number;
  name: string;
  headSha: string;
  externalId: string;
  status: string;
  conclusion: string | null;
  ours: boolean;
  /** null while it is not completed. */
  completedAt: string | null;
  annotationsCount: number;
}

export interface CheckAnnotation {
  path: string;
  startLine: number;
  endLine: number;
  level: 'notice' | 'warning' | 'failure';
  message: string;
  title?: string;
}

interface CheckAction {
  /** At most 20 characters. */
  label: string;
  /** At most 40 characters. */
  description: string;
  /** At most 20 characters; comes back as `requested_action.identifier`. */
  identifier: string;
}

/** What a check run shows. Summary and text are clipped to GitHub's 65,536 characters with a notice. */
export interface CheckContent {
  status: 'queued' | 'in_progress' | 'completed';
  /** Required when status is `completed`. */
  conclusion?: CheckConclusion;
  title: string;
  summary: string;
  text?: string;
  /** All of them: they are appended in chunks of 50, and what GitHub already has is not sent again. */
  annotations?: CheckAnnotation[];
  /** At most three, else a RangeError. */
  actions?: CheckAction[];
  detailsUrl?: string;
}

/** One file of a commit; null deletes it, and deleting what is not there is no error. */
export interface FileChange {
  path: string;
  content: string | Uint8Array | null;
  /** Default: a plain file. */
  mode?: '100644' | '100755';
}

/** The branch as it is while a commit is being built. */
export interface BranchView {
  headSha: string;
  readFile(path: string): Promise<RepositoryFile | null>;
}

export type BranchCommit =
  | { kind: 'committed'; commitSha: string; treeSha: string; adopted: boolean }
  /** The branch exists and its head is not the commit we would have made: never overwritten. */
  | { kind: 'foreign_branch'; headSha: string };

export type BranchUpdate =
  | { kind: 'committed'; commitSha: string; treeSha: string; adopted: boolean }
  | { kind: 'moved'; headSha: string }
  | { kind: 'gone' };

export type CommitOutcome =
  | { kind: 'committed'; sha: string; adopted: boolean }
  /** The branch already holds these files, or `files` gave null. */
  | { kind: 'nothing'; headSha: string }
  /** Protected branch, ruleset, or missing branch; `message` is GitHub's. */
  | { kind: 'refused'; message: string }
  /** Push protection found a secret-shaped text. */
  | { kind: 'secret_blocked'; message: string };

export interface OpenedPull {
  number: number;
  headSha: string;
  url: string;
  createdAt: string;
  adopted: boolean;
}

export type MergeOutcome =
  | { kind: 'merged'; sha: string }
  /** `headSha` is the head that was merged: compare it with the one you approved. */
  | { kind: 'already_merged'; sha: string; headSha: string }
  | { kind: 'head_moved'; headSha: string }
  /** In the merge queue; the merge arrives as a webhook. */
  | { kind: 'queued' }
  | { kind: 'closed' }
  /** Conflicts. */
  | { kind: 'not_mergeable'; message: string }
  | { kind: 'method_not_allowed'; message: string }
  /** A rule of the repository stands in the way: reviews, required checks, rulesets. */
  | { kind: 'blocked'; message: string };

/** What is known of an earlier try to make something, whose answer never came. */
export interface EarlierTry {
  /** Look for what it may have made first. */
  search: boolean;
  /** Until then (ms since the epoch) it may still land: what is not found is not made before. */
  landsUntil?: number | undefined;
}

export interface EnsureComment extends EarlierTry {
  issue: number;
  /** Names what the comment is for, e.g. `status:ask:1:c2`; hidden in the body and looked for. */
  key: string;
  body: string;
  /** Its id if it was written before: it is edited, and written anew only when it was deleted. */
  knownId?: number | undefined;
  /** Only comments updated since then are searched (ISO 8601). */
  since?: string | undefined;
}

export interface EnsureIssue extends EarlierTry {
  /** Names what the issue is for; hidden in its text and looked for among the issues of its label. */
  key: string;
  title: string;
  body: string;
  label: string;
}

export interface EnsureCheckRun extends CheckContent, EarlierTry {
  name: string;
  headSha: string;
  externalId: string;
  knownId?: number | undefined;
}

export interface CommitFiles {
  branch: string;
  message: string;
  /** A function is asked again on every try, for content that depends on the branch; null = stop. */
  files: FileChange[] | ((at: BranchView) => Promise<FileChange[] | null>);
  /** Asked before each try: the commit that already did this (crash after it landed), or null. */
  alreadyThere?: (at: BranchView) => Promise<string | null>;
  /** Default 5; then a GitHubError of kind `conflict`. */
  maxTries?: number;
}
