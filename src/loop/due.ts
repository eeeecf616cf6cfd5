import type { EmitterWebhookEvent, EmitterWebhookEventName } from '@octokit/webhooks';
import { type Heard, hear, type Written } from '../ask/receive-text.ts';
import type { RepositoryRow } from '../store/tables.ts';

/** What an event tells about its repository. */
export type RepositoryFact = Pick<
  RepositoryRow,
  'id' | 'owner' | 'name' | 'installation_id' | 'default_branch' | 'state'
>;

/** One thing to record because of an event; recording it makes its work item due. */
export type Due =
  | Heard
  | { kind: 'work'; key: string }
  | {
      kind: 'button';
      repoId: number;
      checkRunId: number;
      externalId: string;
      headSha: string;
      action: string;
      login: string;
      pulls: number[];
    }
  /** "Re-run all checks": the head is judged again. */
  | { kind: 'revalidate'; repoId: number; number: number; login: string }
  /** A PR left GitHub's merge queue; `reason` in GitHub's words, `MERGE` when it was merged. */
  | { kind: 'dequeued'; repoId: number; number: number; reason: string }
  | { kind: 'settings_changed'; repoId: number }
  /** A push to the default branch changed job files; `pusher`: a person's login, null for a key or a bot. */
  | { kind: 'queue_pushed'; repoId: number; added: string[]; gone: string[] | 'any'; pusher: string | null }
  /** The same of schedule files, by name; `compare`: which of them is not known, or one was taken away. */
  | { kind: 'schedules_pushed'; repoId: number; names: string[]; compare: boolean; pusher: string | null }
  | { kind: 'installation'; id: number; state: 'active' | 'suspended' | 'gone' }
  | { kind: 'repositories_removed'; ids: number[] };

export type Payload<E extends EmitterWebhookEventName> = EmitterWebhookEvent<E>['payload'];
/** Event name with its action → what is due. */
export type EventTable = { [E in EmitterWebhookEventName]?: (payload: Payload<E>, now: number) => Due[] };

const time = (iso: string | null | undefined, now: number) => (iso ? Date.parse(iso) : now);
const list = <T>(value: T | null): T[] => (value === null ? [] : [value]);
export const pullKey = (repoId: number, number: number): Due => ({
  kind: 'work',
  key: `pr:${repoId}:${number}`,
});
export const pullDue = (p: { repository: { id: number }; pull_request: { number: number } }): Due[] => [
  pullKey(p.repository.id, p.pull_request.number),
];

export function issueComment(
  p: Payload<'issue_comment.created'> | Payload<'issue_comment.edited'>,
  now: number,
): Due[] {
  const place = { thread: p.issue.number, onPull: Boolean(p.issue.pull_request), source: 'c' as const };
  return commentText(p, place, now);
}

export function reviewComment(
  p: Payload<'pull_request_review_comment.created'> | Payload<'pull_request_review_comment.edited'>,
  now: number,
): Due[] {
  return commentText(p, { thread: p.pull_request.number, onPull: true, source: 'r' }, now);
}

interface Commented {
  repository: { id: number };
  sender: { login: string; type?: string | undefined };
  comment: {
    id: number;
    body: string;
    created_at: string;
    user: { login: string; type?: string | undefined } | null;
  };
  changes?: { body?: { from: string } | undefined };
}

function commentText(p: Commented, place: Pick<Written, 'thread' | 'onPull' | 'source'>, now: number): Due[] {
  const { comment, sender } = p;
  return list(
    hear(
      {
        repoId: p.repository.id,
        ...place,
        sourceId: comment.id,
        login: comment.user?.login ?? sender.login,
        accountType: comment.user?.type ?? sender.type ?? 'User',
        text: comment.body,
        writtenAt: time(comment.created_at, now),
        ...(p.changes ? { before: p.changes.body?.from ?? comment.body } : {}),
      },
      now,
    ),
  );
}

interface Opened {
  id: number;
  number: number;
  body: string | null;
  created_at: string;
  user: { login: string; type?: string | undefined } | null;
}

/** An issue's or PR's own text. Both are kept under the number: a PR's `id` is not its issue's id. */
export function openingText(
  repoId: number,
  thread: Opened,
  onPull: boolean,
  now: number,
  before?: string,
): Due[] {
  const written: Written = {
    repoId,
    thread: thread.number,
    onPull,
    source: 'i',
    sourceId: thread.number,
    login: thread.user?.login ?? 'ghost',
    accountType: thread.user?.type ?? 'User',
    text: thread.body ?? '',
    writtenAt: time(thread.created_at, now),
    ...(before === undefined ? {} : { before }),
  };
  return list(hear(written, now));
}

export function button(
  p: Payload<'check_run.rerequested'> | Payload<'check_run.requested_action'>,
  action: string,
): Due[] {
  if (!isPerson(p.sender)) return [];
  return [
    {
      kind: 'button',
      repoId: p.repository.id,
      checkRunId: p.check_run.id,
      externalId: p.check_run.external_id ?? '',
      headSha: p.check_run.head_sha,
      action,
      login: p.sender.login,
      pulls: p.check_run.pull_requests.flatMap((pull) => (pull ? [pull.number] : [])),
    },
  ];
}

export function suiteRerun(p: Payload<'check_suite.rerequested'>): Due[] {
  if (!isPerson(p.sender)) return [];
  const { login } = p.sender;
  return p.check_suite.pull_requests.flatMap((pull) =>
    pull ? [{ kind: 'revalidate' as const, repoId: p.repository.id, number: pull.number, login }] : [],
  );
}

/** Clicks by bots and workflows mean nothing. */
function isPerson(sender: { type?: string | undefined } | null | undefined): boolean {
  return sender?.type === 'User';
}

export function dequeued(p: Payload<'pull_request.dequeued'>): Due[] {
  const { reason } = p as { reason?: string };
  const { number } = p.pull_request;
  return [{ kind: 'dequeued', repoId: p.repository.id, number, reason: reason ?? 'unknown' }, ...pullDue(p)];
}

const SETTINGS_PATH = '.github/guruguru.yml';

const QUEUE_FILE = /^jobs\/queue\/(\d{4}-\d{2}-\d{2}-\d{3,})\.json$/;

const SCHEDULE_FILE = /^jobs\/schedules\/([^/:]+)\.json$/;

export function push(p: Payload<'push'>): Due[] {
  const branch = p.ref.replace('refs/heads/', '');
  if (branch !== p.repository.default_branch) return [];
  const of = (key: 'added' | 'modified' | 'removed') => p.commits.flatMap((commit) => commit[key] ?? []);
  const jobIds = (paths: string[]) => [...new Set(paths.flatMap((path) => QUEUE_FILE.exec(path)?.[1] ?? []))];
  // A push of many commits may list none of them: then read the settings again to be safe.
  const unclear = p.commits.length === 0 || p.commits.length >= 20;
  const settings = unclear || [...of('added'), ...of('modified'), ...of('removed')].includes(SETTINGS_PATH);
  const added = jobIds(of('added'));
  const gone: string[] | 'any' = unclear || p.forced ? 'any' : jobIds([...of('modified'), ...of('removed')]);
  const names = (paths: string[]) => [
    ...new Set(paths.flatMap((path) => SCHEDULE_FILE.exec(path)?.[1] ?? [])),
  ];
  const changed = names([...of('added'), ...of('modified')]);
  const compare = unclear || p.forced || names(of('removed')).length > 0;
  const { id: repoId } = p.repository;
  const pusher = isPerson(p.sender) && p.sender?.login === p.pusher.name ? p.pusher.name : null;
  return [
    ...(settings ? [{ kind: 'settings_changed' as const, repoId }] : []),
    ...(added.length > 0 || gone.length > 0
      ? [{ kind: 'queue_pushed' as const, repoId, added, gone, pusher }]
      : []),
    ...(changed.length > 0 || compare
      ? [{ kind: 'schedules_pushed' as const, repoId, names: changed, compare, pusher }]
      : []),
  ];
}

/** `from`: the name it had, when it got another; said to the open asks. */
export function repositoryDue(p: {
  repository: { id: number; name: string; owner: { login: string } };
  changes?: object;
}): Due[] {
  const changes = p.changes as RepositoryChanges | undefined;
  const owner = changes?.owner?.from?.user?.login ?? changes?.owner?.from?.organization?.login;
  const name = changes?.repository?.name?.from;
  const from = owner || name ? `:${owner ?? p.repository.owner.login}/${name ?? p.repository.name}` : '';
  return [{ kind: 'work', key: `repo:${p.repository.id}${from}` }];
}

interface RepositoryChanges {
  repository?: { name?: { from?: string } };
  owner?: { from?: { user?: { login: string }; organization?: { login: string } } };
}

interface WithRepository {
  action?: string;
  repository?: {
    id: number;
    name: string;
    owner: { login: string };
    default_branch: string;
    archived?: boolean;
  };
  installation?: { id: number };
}

/** What the event says of its repository; null when it names none or carries no installation. */
export function repositoryFact(name: string, payload: unknown): RepositoryFact | null {
  const { repository: r, installation, action } = payload as WithRepository;
  if (!r?.owner?.login || !r.default_branch || !installation) return null;
  const deleted = name === 'repository' && action === 'deleted';
  return {
    id: r.id,
    owner: r.owner.login,
    name: r.name,
    installation_id: installation.id,
    default_branch: r.default_branch,
    state: deleted ? 'gone' : r.archived ? 'archived' : 'active',
  };
}
