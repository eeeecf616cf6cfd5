/** What an API server did not do. `status` null: no answer came. */
export class ClusterError extends Error {
  override readonly name = 'ClusterError';
  readonly status: number | null;
  /** From Retry-After. */
  readonly retryAfterMs: number | null;

  constructor(what: string, answer: ClusterAnswer, cause?: unknown) {
    const how = answer.status === null ? answer.message : `${answer.status} ${answer.message}`;
    super(`${what}: ${how.slice(0, 500)}`, { cause });
    this.status = answer.status;
    this.retryAfterMs = answer.retryAfterMs;
  }

  /** Whether it may pass by itself. */
  get transient(): boolean {
    return this.status === null || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

export interface ClusterAnswer {
  status: number | null;
  message: string;
  retryAfterMs: number | null;
}

/** A Status object says it in `message`; other servers on the way say it in their own words. */
export function answerOf(status: number, body: string, retryAfter: string | undefined): ClusterAnswer {
  return { status, message: messageOf(body), retryAfterMs: retryAfterMs(retryAfter) };
}

function messageOf(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === 'object' && parsed !== null && 'message' in parsed) return String(parsed.message);
  } catch {
    // Not JSON: the text as it is.
  }
  return body.replace(/\s+/g, ' ').trim().slice(0, 200) || 'no reason given';
}

/** Seconds; API servers send no dates. */
function retryAfterMs(header: string | undefined): number | null {
  const seconds = Number(header ?? '');
  return header !== undefined && Number.isFinite(seconds) && seconds >= 0
    ? Math.min(seconds, 300) * 1000
    : null;
}

/** When to try again: as the server says, else growing up to 30 s. `attempt` counts from 1. */
export function retryDelayMs(error: unknown, attempt: number): number {
  const said = error instanceof ClusterError ? error.retryAfterMs : null;
  return said ?? Math.min(30_000, 250 * 2 ** Math.min(attempt, 7));
}
