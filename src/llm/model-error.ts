export type ModelErrorKind =
  | 'rate_limited'
  | 'unavailable'
  | 'timeout'
  | 'auth'
  | 'not_found'
  | 'bad_request';

/**
 * A model call that brought no reply. `rate_limited`, `unavailable` and `timeout` may pass by themselves;
 * the others need a person. The message names the remedy and is fit for a reply on GitHub: it holds
 * nothing the endpoint wrote except for `bad_request`.
 */
export class ModelError extends Error {
  override readonly name = 'ModelError';
  readonly kind: ModelErrorKind;
  /** Milliseconds since the epoch before which another try is pointless; only with `rate_limited` and `unavailable`. */
  readonly retryAt: number | undefined;

  constructor(kind: ModelErrorKind, message: string, options: { cause?: unknown; retryAt?: number } = {}) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.retryAt = options.retryAt;
  }

  /** Whether the same call may work later without anyone doing anything. */
  get passing(): boolean {
    return this.kind === 'rate_limited' || this.kind === 'unavailable' || this.kind === 'timeout';
  }
}
