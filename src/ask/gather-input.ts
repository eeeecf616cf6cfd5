import type { Scope } from '../github/scope.ts';
import type { Message } from '../llm/client.ts';
import { getJob } from '../store/jobs.ts';
import { askData } from '../store/row-data.ts';
import { listLiveRunners } from '../store/runners.ts';
import type { AskRow } from '../store/tables.ts';
import { gatherContext } from './context.ts';
import { askBody } from './observe-ask.ts';
import { renderContext } from './render-context.ts';

/** Blobs are named by their content, so they may be kept; this many bytes of them are. */
const CACHE_MAX_BYTES = 64 * 1024 * 1024;

/** Runners that slept at night still tell what they can do. */
const RUNNERS_SEEN_MS = 7 * 24 * 3_600_000;

/** What the planner is shown for an ask: gathered, clipped, cleaned and fenced. */
export async function gatherPlannerInput(
  scope: Scope,
  ask: AskRow,
  blobs: Map<string, Uint8Array>,
): Promise<{ messages: Message[]; commit: string; paths: ReadonlySet<string> }> {
  const data = askData(ask);
  const repository = `${scope.repo.owner}/${scope.repo.name}`;
  const place = ask.source === 'r' ? await scope.client.reviewComment(ask.source_id, scope.signal) : null;
  const previous = data.replans ? await getJob(scope.store.db, scope.repo.id, data.replans.jobId) : undefined;
  const runners = await listLiveRunners(
    scope.store.db,
    repository.toLowerCase(),
    scope.now() - RUNNERS_SEEN_MS,
  );
  const context = await gatherContext(
    scope.client,
    {
      ask: {
        thread: ask.thread,
        onPull: ask.on_pull === 1,
        login: ask.login,
        text: askBody(ask),
        language: ask.language,
        commentId: ask.source === 'c' ? ask.source_id : null,
        ...(place ? { place: { path: place.path, line: place.line, hunk: place.diffHunk } } : {}),
        ...(previous
          ? { previous: { plan: previous.file, objections: [{ login: ask.login, text: askBody(ask) }] } }
          : {}),
      },
      repository,
      defaultBranch: scope.repo.default_branch,
      settings: scope.settings,
      runners: runners.map((runner) => ({
        name: runner.name,
        labels: runner.labels,
        capabilities: runner.capabilities,
        seenSecondsAgo: Math.round((scope.now() - runner.seenAt) / 1000),
      })),
      cache: boundedCache(blobs),
    },
    scope.signal,
  );
  return { messages: renderContext(context), commit: context.commit, paths: context.paths };
}

function boundedCache(blobs: Map<string, Uint8Array>) {
  return {
    get: (sha: string) => blobs.get(sha),
    set: (sha: string, bytes: Uint8Array) => {
      blobs.set(sha, bytes);
      let total = 0;
      for (const blob of blobs.values()) total += blob.length;
      for (const [oldest, blob] of blobs) {
        if (total <= CACHE_MAX_BYTES) break;
        blobs.delete(oldest);
        total -= blob.length;
      }
    },
  };
}
