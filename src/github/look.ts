import { type RepositoryContext, read } from './call-github.ts';
import { isGitHubError } from './errors.ts';

/** The ETag of a list as it was when its content was recorded, and the query it belongs to; by list. */
export type Etags = Map<string, { query: string; etag: string }>;

export interface LookMemory {
  etags: Etags;
  /** Called for every request that goes out. */
  onRequest: () => void;
}

/** Nothing to see. */
export const NOTHING: Look<never> = { same: false, items: [], at: 0, truncated: false, keep() {} };

/** What a look at a list shows. */
export interface Look<T> {
  /** Nothing has changed since `keep` was called for an equal query: GitHub said 304, which costs no request of the hour. */
  same: boolean;
  /** Empty when `same`. */
  items: T[];
  /** GitHub's clock when it answered, ms since the epoch. */
  at: number;
  /** There is more than the limit; the items are the first ones. */
  truncated: boolean;
  /** To be called once the items are recorded: a 304 is only asked for after that. */
  keep(): void;
}

interface Answer<T> {
  status: number;
  url: string;
  headers: { etag?: string | undefined; date?: string | undefined };
  data: T;
}

interface Question<T> {
  /** Of this repository. */
  name: string;
  /** What else tells one list from another. */
  query: string;
  /** Items at most. */
  limit: number;
  /** Asks for one page of 100. `until`: stops after a page whose items are no longer of interest. */
  send: (base: Parameters<Parameters<typeof read>[2]>[0] & Headers, page: number) => Promise<Answer<T[]>>;
  until?: (items: T[]) => boolean;
}

interface Headers {
  headers: Record<string, string>;
}

const PAGE = 100;

/**
 * Reads a list, conditionally if it was recorded before under the same token: ETags hash the Authorization
 * header (measured), so the hourly token voids them and everything is read once an hour whatever happens.
 * Only a list of one page is remembered: the first page tells nothing of the others.
 */
export async function look<T>(
  context: RepositoryContext,
  { etags, onRequest }: LookMemory,
  question: Question<T>,
  signal: AbortSignal,
): Promise<Look<T>> {
  const key = `${context.repoId}:${question.name}`;
  const known = etags.get(key);
  const etag = known?.query === question.query ? known.etag : undefined;
  const ask = (page: number, headers: Record<string, string>) => {
    onRequest();
    return read(context, signal, (base) => question.send({ ...base, headers }, page));
  };
  const first = await ask(1, etag === undefined ? {} : { 'if-none-match': etag }).catch((error: unknown) => {
    if (isGitHubError(error, 'moved') && error.status === 304) return null;
    throw error;
  });
  if (!first) return { ...NOTHING, same: true };
  const items = [...first.data];
  let last = first.data;
  for (let page = 2; last.length === PAGE && items.length < question.limit; page += 1) {
    if (question.until?.(last)) break;
    last = (await ask(page, {})).data;
    items.push(...last);
  }
  return {
    same: false,
    at: Date.parse(first.headers.date ?? '') || Date.now(),
    items: items.slice(0, question.limit),
    truncated: last.length === PAGE && items.length >= question.limit,
    keep() {
      const mark = first.headers.etag;
      if (mark && first.data.length < PAGE) etags.set(key, { query: question.query, etag: mark });
      else etags.delete(key);
    },
  };
}
