import { isGitHubError } from '../github/errors.ts';
import type { Scope } from '../github/scope.ts';
import type { Pull } from '../github/types.ts';
import { detectLanguage } from '../messages/detect-language.ts';
import { getAsk, insertAsk, patchAsk } from '../store/asks.ts';
import { intend } from '../store/published.ts';
import { getPull, putPull } from '../store/pulls.ts';
import { askData, pullData, withData } from '../store/row-data.ts';
import type { AskRow, SourceKind } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';
import { VALIDATE_CHECK } from './validate-pull.ts';

/** Our branches: `guruguru/ask-<c|r|i|v><id>`, with a piece of a digest after it where that was taken. */
const BRANCH = /^guruguru\/ask-([criv])(\d+)(?:-[0-9a-f]{8})?$/;

/**
 * Binds a job PR that the database does not know to its ask again: by its branch, when it is our own PR, and
 * by what was written where that branch says. What we wrote about it is looked for before it is written
 * again. Resolves to the ask's key, null when the PR belongs to none.
 */
export async function restoreAsk(scope: Scope, pull: Pull, jobId: string | null): Promise<string | null> {
  const { store, repo } = scope;
  const row = await getPull(store.db, repo.id, pull.number);
  const bound = row?.ask_key ? await getAsk(store.db, row.ask_key) : undefined;
  if (bound && !isUnbound(bound)) return bound.key;
  const [, kind, id] = BRANCH.exec(pull.headRef) ?? [];
  if (!kind || !id || !isOurs(scope, pull)) {
    await rememberChecks(scope, pull);
    return null;
  }
  const source = kind as SourceKind;
  const key = `ask:${repo.id}:${source}${id}`;
  const known = await getAsk(store.db, key);
  // Whoever works on the ask has just opened it, and records it.
  if (known?.state === 'planned') return null;
  const written = known ? null : await readSource(scope, source, Number(id));
  if (!known && !written) {
    await rememberChecks(scope, pull);
    return null;
  }
  const seen = await shownHead(scope, pull);
  const now = scope.now();
  const { language: configured } = scope.settings;
  const text = written?.text ?? known?.text ?? '';
  const proposed = {
    language: configured === 'auto' ? detectLanguage(text) : configured,
    state: 'proposed',
    job_id: jobId,
    pr_number: pull.number,
    updated_at: now,
  } as const;
  const place = { branch: pull.headRef, pullUrl: pull.url };
  await store.write(async (tx) => {
    // It may have been heard of while GitHub was asked.
    const there = await getAsk(tx, key);
    if (there && isUnbound(there)) {
      await patchAsk(tx, key, { ...proposed, data: withData(askData(there), place) });
    } else if (!there && written) {
      await insertAsk(tx, {
        key,
        repo_id: repo.id,
        source,
        source_id: Number(id),
        edited: 0,
        reason: null,
        revision: 0,
        created_at: Date.parse(written.at) || now,
        thread: written.thread,
        on_pull: written.onPull,
        login: written.login,
        text,
        data: JSON.stringify(place),
        ...proposed,
      });
    } else if (there) {
      await patchAsk(tx, key, { job_id: jobId ?? there.job_id, pr_number: pull.number });
    }
    for (const kept of [`status:${key}`, `final:${key}`]) await intend(tx, kept);
    await putPull(tx, {
      repo_id: repo.id,
      number: pull.number,
      ask_key: key,
      data: withData(pullData(row), { url: pull.url, ...seen }),
      updated_at: now,
    });
    for (const kept of said(repo.id, pull)) await intend(tx, kept);
    await enqueue(tx, `status:${key}`);
  });
  return key;
}

/** Heard of, and nothing planned: its PR was opened with a database that was lost. */
function isUnbound(ask: Pick<AskRow, 'state'>): boolean {
  return ask.state === 'received' || ask.state === 'accepted';
}

/** The keys of what may stand on a PR already. */
function said(repoId: number, { number, headSha }: Pull): string[] {
  return [
    `validate:${repoId}:${headSha}`,
    `blocked:${repoId}:${number}:${headSha}`,
    `merge-queue:${repoId}:${number}:${headSha}`,
    `admission:${repoId}:${number}`,
  ];
}

async function rememberChecks(scope: Scope, pull: Pull): Promise<void> {
  await scope.store.write(async (tx) => {
    for (const kept of said(scope.repo.id, pull)) await intend(tx, kept);
  });
}

/** Branch names can be guessed; who opened a PR cannot be chosen. */
function isOurs(scope: Scope, pull: Pull): boolean {
  const here = `${scope.repo.owner}/${scope.repo.name}`.toLowerCase();
  return pull.ours && pull.headRepository?.toLowerCase() === here;
}

/**
 * Since when people could see the head in our check, by GitHub's clock: an `/approve` given while the app was
 * away counts. Nothing when it was never shown.
 */
async function shownHead(scope: Scope, pull: Pull): Promise<{ headSha?: string; headShownAt?: number }> {
  const checks = await scope.client.checkRuns(pull.headSha, { name: VALIDATE_CHECK }, scope.signal);
  const shown = checks.find((check) => check.ours && check.completedAt !== null);
  return shown?.completedAt ? { headSha: pull.headSha, headShownAt: Date.parse(shown.completedAt) } : {};
}

type Source = Pick<AskRow, 'thread' | 'login' | 'text'> & { onPull: 0 | 1; at: string };

/** What was asked, as it stands there now; null when it was deleted. */
async function readSource(scope: Scope, kind: SourceKind, id: number): Promise<Source | null> {
  const { client, signal } = scope;
  try {
    switch (kind) {
      case 'c': {
        const comment = await client.issueComment(id, signal);
        const onPull = /\/pull\/\d+#/.test(comment.url) ? 1 : 0;
        return { ...comment, onPull, text: comment.body, at: comment.createdAt };
      }
      case 'r': {
        const comment = await client.reviewComment(id, signal);
        return { ...comment, onPull: 1, text: comment.body, at: comment.createdAt };
      }
      case 'i': {
        const issue = await client.issue(id, signal);
        const onPull = issue.isPull ? 1 : 0;
        return { ...issue, thread: issue.number, onPull, text: issue.body, at: issue.createdAt };
      }
      case 'v':
        return null;
    }
  } catch (error) {
    if (isGitHubError(error, 'not_found', 'gone')) return null;
    throw error;
  }
}
