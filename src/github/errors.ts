/** Why a call to GitHub failed, as far as the caller can act on it. */
export type GitHubErrorKind =
  /** Primary or secondary limit; `retryAt` says when to come back. */
  | 'rate_limited'
  | 'unauthorized'
  /** A permission the installation has not granted, or an archived repository. */
  | 'forbidden'
  | 'suspended'
  /** The conversation was locked: it takes no comment of ours until somebody unlocks it. */
  | 'locked'
  | 'not_found'
  /** The installation itself, or a resource GitHub says is gone for good. */
  | 'gone'
  /** The repository was renamed or transferred; getRepository follows and gives its new name. */
  | 'moved'
  | 'conflict'
  | 'validation'
  /** Push protection found a secret-shaped text in what we sent. */
  | 'secret_blocked'
  /** 5xx, no answer, or no answer in time: a write may have landed. */
  | 'unavailable'
  | 'aborted';

interface Details {
  status?: number;
  retryAt?: number | null;
  cause?: unknown;
}

/** A failed call to GitHub. `cause` is Octokit's error. */
export class GitHubError extends Error {
  override readonly name = 'GitHubError';
  readonly kind: GitHubErrorKind;
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** Milliseconds since the epoch, or null when GitHub named no time. */
  readonly retryAt: number | null;

  constructor(kind: GitHubErrorKind, message: string, details: Details = {}) {
    super(message, { cause: details.cause });
    this.kind = kind;
    this.status = details.status ?? 0;
    this.retryAt = details.retryAt ?? null;
  }
}

export function isGitHubError(error: unknown, ...kinds: GitHubErrorKind[]): error is GitHubError {
  return error instanceof GitHubError && (kinds.length === 0 || kinds.includes(error.kind));
}

/**
 * Gives every failure of an Octokit call its kind.
 *
 * Rate limits follow https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
 * ("Exceeding the rate limit"): 403 or 429; wait for `retry-after` seconds, else until
 * `x-ratelimit-reset` when `x-ratelimit-remaining` is 0, else for at least a minute.
 *
 * @param now milliseconds since the epoch
 */
export function toGitHubError(error: unknown, now: number): GitHubError {
  if (error instanceof GitHubError) return error;
  if (!(error instanceof Error)) return new GitHubError('unavailable', String(error), { cause: error });
  if (isAbort(error)) return new GitHubError('aborted', 'the call to GitHub was aborted', { cause: error });
  const answer = answerOf(error);
  if (answer === null) {
    return new GitHubError('unavailable', `no answer from GitHub: ${error.message}`, { cause: error });
  }
  const kind = kindOf(answer);
  const retryAt =
    kind === 'rate_limited' ? now + waitMs(answer.headers, now, 60_000) : laterIfNamed(answer, now);
  return new GitHubError(kind, error.message, { status: answer.status, retryAt, cause: error });
}

interface Answer {
  status: number;
  message: string;
  url: string;
  headers: Record<string, unknown>;
  /** GraphQL's error type, empty for REST. */
  type: string;
  secret: boolean;
}

function kindOf(answer: Answer): GitHubErrorKind {
  const { status, message } = answer;
  const limited =
    answer.type === 'RATE_LIMITED' ||
    /rate limit|abuse detection/i.test(message) ||
    answer.headers['x-ratelimit-remaining'] === '0' ||
    answer.headers['retry-after'] !== undefined;
  if (status === 429 || ((status === 403 || status === 200) && limited)) return 'rate_limited';
  if (answer.secret) return 'secret_blocked';
  if (status === 200) {
    if (answer.type === 'NOT_FOUND') return 'not_found';
    return answer.type === 'FORBIDDEN' ? 'forbidden' : 'validation';
  }
  if (status >= 300 && status < 400) return 'moved';
  if (status === 401) return 'unauthorized';
  if (status === 403 && /(issue|pull request|conversation) is locked/i.test(message)) return 'locked';
  if (status === 403) return /suspended/i.test(message) ? 'suspended' : 'forbidden';
  // A 404 for the token says that the installation was removed, not that something in it is missing.
  if (status === 404) return answer.url.endsWith('/access_tokens') ? 'gone' : 'not_found';
  if (status === 409) return 'conflict';
  if (status === 410 || status === 451) return 'gone';
  return status === 408 || status >= 500 ? 'unavailable' : 'validation';
}

function waitMs(headers: Record<string, unknown>, now: number, otherwise: number): number {
  const seconds = Number(headers['retry-after']);
  if (headers['retry-after'] !== undefined && Number.isFinite(seconds)) return Math.max(seconds, 1) * 1000;
  const reset = Number(headers['x-ratelimit-reset']);
  if (headers['x-ratelimit-remaining'] === '0' && Number.isFinite(reset)) {
    // GitHub's own date, where it is sent, so that a wrong clock here does not matter.
    const theirs = Date.parse(String(headers.date));
    return Math.max(reset * 1000 - (Number.isNaN(theirs) ? now : theirs), 1000);
  }
  return otherwise;
}

function laterIfNamed(answer: Answer, now: number): number | null {
  return answer.status >= 500 && answer.headers['retry-after'] !== undefined
    ? now + waitMs(answer.headers, now, 60_000)
    : null;
}

function isAbort(error: Error): boolean {
  return error.name === 'AbortError' || (error.cause instanceof Error && error.cause.name === 'AbortError');
}

/** Octokit's RequestError and GraphqlResponseError, read by shape: several versions can be installed. */
function answerOf(error: Error): Answer | null {
  const { status, response, request, errors, headers } = fields(error);
  if (Array.isArray(errors)) {
    const type = String(fields(errors[0]).type ?? '');
    return { status: 200, message: error.message, url: '', headers: fields(headers), type, secret: false };
  }
  if (typeof status !== 'number' || response === undefined) return null;
  const { data, headers: sent } = fields(response);
  return {
    status,
    message: error.message,
    url: String(fields(request).url ?? ''),
    headers: fields(sent),
    type: '',
    secret:
      fields(fields(data).metadata).secret_scanning !== undefined ||
      /secret detected in content|push cannot contain secrets/i.test(error.message),
  };
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
