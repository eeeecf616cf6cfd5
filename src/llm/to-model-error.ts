import OpenAI from 'openai';
import { ModelError } from './model-error.ts';

/** Characters of an endpoint's own error message that are passed on. */
const DETAIL_MAX = 300;

/**
 * Whatever a call threw, as a ModelError.
 *
 * @param now milliseconds since the epoch, for `retryAt`
 */
export function toModelError(error: unknown, now: number): ModelError {
  if (error instanceof ModelError) return error;
  if (error instanceof OpenAI.APIConnectionTimeoutError) {
    return new ModelError('timeout', 'The model did not answer in time.', { cause: error });
  }
  if (error instanceof OpenAI.APIError && error.status !== undefined) {
    return fromStatus(error, Number(error.status), now);
  }
  return new ModelError('unavailable', 'The model endpoint could not be reached or broke off.', {
    cause: error,
  });
}

function fromStatus(error: InstanceType<typeof OpenAI.APIError>, status: number, now: number): ModelError {
  const at = retryAt(error.headers, now);
  const options = { cause: error, ...(at === undefined ? {} : { retryAt: at }) };
  if (error.code === 'insufficient_quota') {
    return new ModelError(
      'auth',
      'The model account has no quota left. Check its plan and billing.',
      options,
    );
  }
  if (status === 429) return new ModelError('rate_limited', 'The model endpoint limits our rate.', options);
  if (status === 401 || status === 403) {
    return new ModelError(
      'auth',
      `The model endpoint refused the key (${status}). Check OPENAI_API_KEY.`,
      options,
    );
  }
  if (status === 404) {
    return new ModelError(
      'not_found',
      'The model endpoint knows no such model or path (404). Check GURUGURU_MODEL and OPENAI_BASE_URL.',
      options,
    );
  }
  if (status === 408) return new ModelError('timeout', 'The model endpoint timed out (408).', options);
  if (status >= 500 || status === 409) {
    return new ModelError('unavailable', `The model endpoint failed (${status}).`, options);
  }
  return new ModelError(
    'bad_request',
    `The model endpoint refused the request (${status}): ${detail(error)}`,
    options,
  );
}

function detail(error: InstanceType<typeof OpenAI.APIError>): string {
  const text = error.message.replace(/\s+/g, ' ').trim();
  return text.length > DETAIL_MAX ? `${text.slice(0, DETAIL_MAX)}…` : text;
}

/** `retry-after-ms` (OpenAI), `retry-after` in seconds or as a date (RFC 9110 section 10.2.3). */
function retryAt(headers: Headers | undefined, now: number): number | undefined {
  const milliseconds = headers?.get('retry-after-ms');
  if (milliseconds && Number.isFinite(Number(milliseconds))) return now + Number(milliseconds);
  const after = headers?.get('retry-after');
  if (!after) return undefined;
  if (Number.isFinite(Number(after))) return now + Number(after) * 1000;
  const date = Date.parse(after);
  return Number.isNaN(date) ? undefined : date;
}
