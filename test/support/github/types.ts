import type { Json } from './json.ts';

/** A person's permission on a repository, as GitHub's `permission` field says it. */
export type Permission = 'admin' | 'write' | 'read' | 'none';

export interface UserSeed {
  login: string;
  /** Personal access token; default `token-<login>`. */
  token?: string;
  /** Permission on every seeded repository; the owner of a repository is always its admin. */
  permission?: Permission;
  /** `role_name` where it is not the permission: triage (permission read), maintain (write), or a custom role. */
  role?: string;
}

export interface RepositorySeed {
  /** `owner/name`; the owner is the account the app is installed on, default `octo`. */
  fullName: string;
  files?: Record<string, string>;
  private?: boolean;
  defaultBranch?: string;
  /** False leaves the repository out of the installation. Default true. */
  installed?: boolean;
}

export interface AppSeed {
  id: number;
  slug: string;
  name: string;
  clientId: string;
  webhookSecret: string;
  permissions: Record<string, 'read' | 'write'>;
  events: string[];
  installationId: number;
}

export interface GitHubOptions {
  /** Default: `octo` (admin), `writer`, `writer2`, `reader`, `stranger`. */
  users?: UserSeed[];
  /** Default: `octo/hello` with the seed files. The first one is the default of every helper. */
  repositories?: RepositorySeed[];
  app?: Partial<AppSeed>;
  /** Where deliveries go; also settable later with `webhooks.setUrl`. */
  webhookUrl?: string;
}

/** Who sent a request, read from its Authorization header. */
export type Actor =
  | { type: 'anonymous' }
  | { type: 'invalid' }
  | { type: 'app' }
  | { type: 'user'; login: string }
  | { type: 'installation'; login: string; grant: Grant };

/** What one installation token may do. `repositories` are ids; undefined means all of the installation. */
export interface Grant {
  installationId: number;
  permissions: Record<string, string>;
  repositories?: number[];
  issuedAt: number;
}

export interface RecordedRequest {
  at: number;
  method: string;
  /** Path with its query, as sent. */
  path: string;
  /** OpenAPI-style route, e.g. `/repos/{owner}/{repo}/issues/{issue_number}`; undefined if unknown. */
  template?: string;
  params: Record<string, string>;
  query: Record<string, string>;
  /** Parsed JSON body, if there was one. */
  body?: unknown;
  status: number;
  durationMs: number;
  /** `auth` is everything a JWT asks; a GraphQL query is a read, a mutation a write. */
  kind: 'read' | 'write' | 'auth';
  actor: Actor['type'];
  login?: string;
}

/** What a route answers. A Buffer or string goes out as it is, anything else as JSON. */
export interface Answer {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

/** One request on its way through the proxy. */
export interface Exchange {
  method: string;
  /** Path with its query, as sent upstream. */
  path: string;
  params: Record<string, string>;
  query: URLSearchParams;
  headers: Record<string, string | string[] | undefined>;
  raw: Buffer;
  body: Json;
  actor: Actor;
  template?: string;
}

export interface Fault {
  /** `path` has its query; `actor` tells the app's requests from people's. */
  match: (method: string, path: string, actor: Actor['type']) => boolean;
  /** Answered instead of the real answer; without it the request is only delayed. */
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
  /** How many requests it hits; default 1. */
  times?: number;
  /** True: the request is performed first, then the error is answered. */
  afterWrite?: boolean;
  delayMs?: number;
  /** True: the connection is cut instead of answered. */
  hangUp?: boolean;
  /** Awaited before the request is performed; when it throws, nothing is performed and the connection is cut. */
  before?: (x: Exchange) => Promise<void>;
  /** Awaited between the write and its answer; when it throws, the connection is cut. */
  landed?: (x: Exchange, answer: Answer) => Promise<void>;
}

interface Merged {
  at: string;
  /** null: nobody, as when a deploy key pushed the merge. */
  by: Json | null;
  sha: string;
}

/** What the proxy knows better than the emulator about one pull request. */
export interface PullState {
  number: number;
  id: number;
  nodeId: string;
  open: boolean;
  headRef: string;
  headSha: string;
  baseRef: string;
  baseSha: string;
  author: string;
  draft: boolean;
  viaApp: boolean;
  merged?: Merged;
  stats: { commits: number; additions: number; deletions: number; changed_files: number };
  /** Mergeability for one pair of tips; recomputed when either moves. */
  mergeable?: { base: string; head: string; value: boolean };
  /** Who armed auto-merge. */
  autoMerge?: string;
  queued?: { headRef: string; headSha: string; baseSha: string };
}

export interface Protection {
  /** Direct updates are refused; merges need this many approvals by people with write permission. */
  pullRequest?: { approvals: number };
  requiredChecks?: string[];
  /** Logins that may push directly; others, apps included, get 403. */
  restrictPush?: string[];
}

/** What the proxy knows about one repository, keyed by its id so that it survives a rename. */
export interface RepositoryState {
  id: number;
  owner: string;
  name: string;
  private: boolean;
  installed: boolean;
  archived: boolean;
  defaultBranch: string;
  allowed: { merge: boolean; squash: boolean; rebase: boolean };
  reviewLimit: boolean;
  pushProtection?: RegExp;
  branches: Map<string, string>;
  pulls: Map<number, PullState>;
  protections: Map<string, Protection>;
  rules: Map<string, Json[]>;
  mergeQueues: Set<string>;
  permissions: Map<string, Permission>;
  /** `role_name` by login, where it differs from the permission. */
  roles: Map<string, string>;
  /** Commits GitHub would have signed. */
  signed: Set<string>;
  /** Numbers that are issues and not pull requests. */
  issues: Set<number>;
  /** Issue comments and review comments by id; the emulator has no repository-wide lists. */
  comments: { issues: Map<number, Json>; pulls: Map<number, Json> };
  reactions: Map<string, Json[]>;
  /** When an issue or pull request was last commented, reviewed or pushed to: GitHub counts that as an update of it. */
  touched: Map<number, string>;
  /** Who edited a text last, by node id; REST does not tell. */
  edits: Map<string, { login: string; at: string }>;
  annotations: Map<number, Json[]>;
  actions: Map<number, Json[]>;
  /** The emulator's repository object, refreshed when an admin changes it. */
  json: Json;
}
