import type { EffectName } from '../../src/github/effect.ts';
import type { Exchange } from '../../test/support/github/types.ts';

const REPO = '/repos/{owner}/{repo}';

/** How each side effect of the product looks on the wire; the compiler asks for one that is missing. */
const ROUTES: Record<EffectName, readonly string[]> = {
  'reaction.create': [
    `POST ${REPO}/issues/comments/{comment_id}/reactions`,
    `POST ${REPO}/issues/{issue_number}/reactions`,
    `POST ${REPO}/pulls/comments/{comment_id}/reactions`,
  ],
  'comment.create': [`POST ${REPO}/issues/{issue_number}/comments`],
  'comment.update': [`PATCH ${REPO}/issues/comments/{comment_id}`],
  'issue.create': [`POST ${REPO}/issues`],
  'issue.update': [`PATCH ${REPO}/issues/{issue_number}`],
  'commit_comment.create': [`POST ${REPO}/commits/{commit_sha}/comments`],
  'blob.create': [`POST ${REPO}/git/blobs`],
  'tree.create': [`POST ${REPO}/git/trees`],
  'commit.create': [`POST ${REPO}/git/commits`],
  'ref.create': [`POST ${REPO}/git/refs`],
  'ref.update': [`PATCH ${REPO}/git/refs/{ref}`],
  'pull.create': [`POST ${REPO}/pulls`],
  'pull.update': [`PATCH ${REPO}/pulls/{pull_number}`],
  'pull.merge': [`PUT ${REPO}/pulls/{pull_number}/merge`],
  'pull.enqueue': ['POST /graphql'],
  'check_run.create': [`POST ${REPO}/check-runs`],
  'check_run.update': [`PATCH ${REPO}/check-runs/{check_run_id}`],
};

const BY_ROUTE = new Map(
  (Object.entries(ROUTES) as [EffectName, readonly string[]][]).flatMap(([effect, routes]) =>
    routes.map((route) => [route, effect] as const),
  ),
);

/** The side effect a request of the app is; undefined for reads and for what is none. */
export function effectOf(x: Pick<Exchange, 'method' | 'template' | 'raw'>): EffectName | undefined {
  const effect = BY_ROUTE.get(`${x.method} ${x.template}`);
  if (effect === 'pull.enqueue' && !x.raw.includes('enqueuePullRequest')) return undefined;
  return effect;
}
