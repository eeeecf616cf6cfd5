import { contentDigest, getPublished, putPublished } from '../store/published.ts';
import type { Store } from '../store/store.ts';
import { isGitHubError } from './errors.ts';
import type { Scope } from './scope.ts';
import { createTurns, type Turns } from './turns.ts';
import type { EarlierTry, EnsureCheckRun, EnsureIssue, Reaction, Source } from './types.ts';

/** Stands for the id of a comment whose thread was locked or deleted before it: nobody can be told there. */
const NOWHERE = -1;

/**
 * Writes go through an intent: a row without an id says that a write may have landed, or still may, before a
 * crash, so only then GitHub is searched. `updated_at` of an intent is when the write was sent, 0 once none is
 * under way. An equal content is not sent again.
 */
function publish(
  scope: Pick<Scope, 'store' | 'client' | 'signal'>,
  key: string,
  content: string,
  write: Write,
): Promise<number> {
  return turnsOf(scope.store).take(key, scope.signal, () => publishNow(scope, key, content, write));
}

type Write = (known: { id: number | undefined } & EarlierTry) => Promise<{ id: number }>;

/** Two work items may have the same to say, such as the check of a head that two PRs share. */
const turns = new WeakMap<Store, Turns>();
function turnsOf(store: Store): Turns {
  const known = turns.get(store) ?? createTurns();
  turns.set(store, known);
  return known;
}

async function publishNow(
  { store, client }: Pick<Scope, 'store' | 'client'>,
  key: string,
  content: string,
  write: Write,
): Promise<number> {
  const digest = contentDigest(content);
  const row = await getPublished(store.db, key);
  if (row && row.github_id !== 0 && row.digest === digest) return row.github_id;
  const isThere = row !== undefined && row.github_id !== 0;
  const intent = (updated_at: number) =>
    store.write((tx) => putPublished(tx, { key, github_id: 0, digest: '', updated_at }));
  const now = store.now();
  // Sent in the future: the clock was set back since.
  const sentAt = isThere || !row ? 0 : Math.min(row.updated_at, now);
  const landsUntil = sentAt + client.landsWithinMs > now ? sentAt + client.landsWithinMs : undefined;
  const makes = !isThere && landsUntil === undefined;
  if (makes || (row && row.updated_at > now && !isThere)) await intent(now);
  const known = {
    id: row && row.github_id > 0 ? row.github_id : undefined,
    search: row?.github_id === 0,
    landsUntil,
  };
  const { id } = await write(known).catch(async (error: unknown) => {
    // An answer, whatever it says, is the end of a request; and one that our own budget holds back was never sent.
    const isOver = isGitHubError(error) && (error.status > 0 || error.kind === 'rate_limited');
    if (makes && isOver) await intent(0);
    throw error;
  });
  await store.write((tx) => putPublished(tx, { key, github_id: id, digest, updated_at: store.now() }));
  return id;
}

/**
 * One comment per key, edited when its body changes. In a thread that was locked or deleted it counts as said:
 * what was asked goes on, and only another body is tried again.
 */
export async function publishComment(
  scope: Pick<Scope, 'store' | 'client' | 'signal' | 'log'>,
  comment: { issue: number; key: string; body: string },
): Promise<void> {
  await publish(scope, comment.key, comment.body, async (known) => {
    try {
      const { id: knownId, ...earlier } = known;
      const options = { ...comment, knownId, ...earlier };
      return await scope.client.ensureComment(options, scope.signal);
    } catch (error) {
      // Gone with another status is the installation: that may come back, and then what waited is said.
      const over =
        isGitHubError(error, 'locked') ||
        (isGitHubError(error, 'gone') && [301, 307, 410].includes(error.status));
      if (!over) throw error;
      scope.log.info({ key: comment.key, reason: error.message }, 'a thread takes no comment any more');
      return { id: known.id ?? NOWHERE };
    }
  });
}

/** One comment on a commit per key; there is no thread to edit it in. */
export async function publishCommitComment(
  scope: Pick<Scope, 'store' | 'client' | 'signal'>,
  comment: { commit: string; key: string; body: string },
): Promise<void> {
  const { commit, key, body } = comment;
  await publish(scope, key, body, ({ landsUntil }) =>
    scope.client.commitComment(commit, { key, body, landsUntil }, scope.signal),
  );
}

/** A sign of having heard, not more: where it cannot stand, what was asked goes on without it. */
export async function publishReaction(
  scope: Pick<Scope, 'client' | 'signal'>,
  source: Source,
  content: Reaction,
): Promise<void> {
  try {
    await scope.client.react(source, content, scope.signal);
  } catch (error) {
    if (!isGitHubError(error, 'locked', 'gone', 'not_found')) throw error;
  }
}

/** One check run per key. Resolves to its id. */
export function publishCheck(
  scope: Pick<Scope, 'store' | 'client' | 'signal'>,
  check: Omit<EnsureCheckRun, 'knownId' | keyof EarlierTry> & { key: string },
): Promise<number> {
  const { key, ...content } = check;
  return publish(scope, key, JSON.stringify(content), ({ id: knownId, ...earlier }) =>
    scope.client.ensureCheckRun({ ...content, knownId, ...earlier }, scope.signal),
  );
}

/**
 * The one issue of a key. `content` names what its text is about: an issue that was made for something else is
 * left as it is. Resolves to its number, and whether its text says that content.
 */
export async function publishIssue(
  scope: Pick<Scope, 'store' | 'client' | 'signal'>,
  issue: Pick<EnsureIssue, 'key' | 'title' | 'body' | 'label'> & { content: string },
): Promise<{ number: number; same: boolean }> {
  const { content, ...wanted } = issue;
  const known = await getPublished(scope.store.db, issue.key);
  if (known && known.github_id > 0)
    return { number: known.github_id, same: known.digest === contentDigest(content) };
  let same = true;
  const number = await publish(scope, issue.key, content, async ({ id: _, ...earlier }) => {
    const made = await scope.client.ensureIssue({ ...wanted, ...earlier }, scope.signal);
    same = made.same;
    return made;
  });
  return { number, same };
}

/** Whether the comment of a key was said once, whatever its body was. */
export async function isSaid(store: Store, key: string): Promise<boolean> {
  const row = await getPublished(store.db, key);
  return row !== undefined && row.github_id !== 0;
}

/** Whether a key's content as given is what GitHub shows already. */
export async function isPublished(store: Store, key: string, content: string): Promise<boolean> {
  const row = await getPublished(store.db, key);
  return row !== undefined && row.github_id > 0 && row.digest === contentDigest(content);
}
