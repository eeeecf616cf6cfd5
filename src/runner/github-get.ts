import { type Answer, readAnswer } from './post-json.ts';

/** GitHub could not be asked now: no answer, a rate limit, or a failure of its own. */
export class GitHubAwayError extends Error {
  override readonly name = 'GitHubAwayError';
}

/** GitHub does not let this token look. */
export class GitHubDeniedError extends Error {
  override readonly name = 'GitHubDeniedError';
}

/** Parsed JSON, or null for 404. @throws GitHubAwayError @throws GitHubDeniedError */
export type GitHubGet = (path: string, signal: AbortSignal) => Promise<unknown>;

const CALL_LIMIT_MS = 10_000;

/** GET requests to GitHub's REST API with a token that can read. Redirects are not followed: a repository that moved is another. */
export function createGitHubGet(api: string, token: string): GitHubGet {
  return async (path, signal) => {
    const url = new URL(`${api}${path}`);
    const limit = AbortSignal.any([signal, AbortSignal.timeout(CALL_LIMIT_MS)]);
    const answer = await get(url, token, limit).catch((cause: unknown) => {
      if (signal.aborted) throw signal.reason;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new GitHubAwayError(`${url.host} does not answer: ${why}`, { cause });
    });
    return judge(answer, url);
  };
}

function judge(answer: Answer & { limited: boolean }, url: URL): unknown {
  const { status, text, limited } = answer;
  if (status === 404) return null;
  if (status === 200) {
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new GitHubAwayError(`${url.host} answered something that is no JSON`, { cause });
    }
  }
  if (status >= 500 || status === 429 || limited)
    throw new GitHubAwayError(`${url.host} answered ${status} to ${url.pathname}`);
  if (status === 401) throw new GitHubDeniedError('GitHub does not accept GURUGURU_VERIFY_TOKEN (401)');
  throw new GitHubDeniedError(`GitHub answered ${status} to ${url.pathname}`);
}

function get(url: URL, token: string, signal: AbortSignal): Promise<Answer & { limited: boolean }> {
  // As in post-json.ts: importing it by name would cost a waiting runner 18 MB.
  const { request } = process.getBuiltinModule(url.protocol === 'https:' ? 'node:https' : 'node:http');
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      accept: 'application/vnd.github+json',
      'user-agent': 'guruguru-runner',
      'x-github-api-version': '2022-11-28',
    };
    const sent = request(url, { signal, headers }, (response) => {
      const limited =
        response.headers['x-ratelimit-remaining'] === '0' || response.headers['retry-after'] !== undefined;
      readAnswer(response).then((answer) => resolve({ ...answer, limited }), reject);
    });
    sent.on('error', reject);
    sent.end();
  });
}
