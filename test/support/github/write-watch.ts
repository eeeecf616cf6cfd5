import { isJson, type Json, parse, text } from './json.ts';
import type { GitHubServer } from './start-github.ts';
import type { Answer, Exchange } from './types.ts';

/** Every write the loop makes for one ask, in the order it makes them. */
export const WRITES = [
  'reaction',
  'status comment',
  'job tree',
  'job commit',
  'job branch',
  'job PR',
  'validate check',
  'merge',
  'job check queued',
  'job check running',
  'report tree',
  'report commit',
  'report branch',
  'job check ended',
  'final reply',
  'status edit',
] as const;
export type WriteName = (typeof WRITES)[number];

/** One ask, told from the others by a word that stands in its text and in its job's script. */
export interface WatchedAsk {
  mark: string;
  comment: number;
  thread: number;
}

export interface WriteWatch {
  watch(ask: WatchedAsk): void;
  /** For an ask watched late: the job it made. */
  know(mark: string, job: string): void;
  /**
   * Holds the app at this write, before it is performed or between it and its answer. Resolves when the app
   * has come there; what is held is cut off by `cut`.
   */
  hold(mark: string, write: WriteName, when: 'before' | 'landed'): Promise<void>;
  /** The same for a write that belongs to no ask, found by how it looks. */
  holdIf(looks: (x: Exchange) => boolean, when: 'before' | 'landed'): Promise<void>;
  /** Ends what is held without an answer: for after the app's death. */
  cut(): void;
  /** Resolves at the first time this write has landed. */
  seen(mark: string, write: WriteName): Promise<void>;
  /** How often it was performed with success. */
  count(mark: string, write: WriteName): number;
  jobOf(mark: string): string | undefined;
  pullOf(mark: string): number | undefined;
}

interface Held {
  when: 'before' | 'landed';
  reached: () => void;
}

/** Names the app's writes by the ask they are for, and stops the app at any of them. */
export function watchWrites(github: GitHubServer): WriteWatch {
  const asks: WatchedAsk[] = [];
  /** What an id, a sha or a number of GitHub belongs to. */
  const owner = new Map<string, string>();
  const reverse = new Map<string, string>();
  const holds = new Map<string, Held>();
  const others = new Set<Held & { looks: (x: Exchange) => boolean }>();
  const counts = new Map<string, number>();
  const waiting = new Map<string, (() => void)[]>();
  const cuts: (() => void)[] = [];

  const own = (kind: string, id: string | number, mark: string) => {
    owner.set(`${kind} ${id}`, mark);
    if (!reverse.has(`${kind} ${mark}`)) reverse.set(`${kind} ${mark}`, String(id));
  };
  const of = (kind: string, id: unknown) => owner.get(`${kind} ${id}`);

  function named(x: Exchange): { mark: string; write: WriteName } | undefined {
    const found = nameOf(x, of, asks);
    return found?.mark ? { mark: found.mark, write: found.write } : undefined;
  }

  function learn(x: Exchange, answer: Answer, mark: string, write: WriteName): void {
    const json = bodyOf(answer);
    if (write === 'job tree') own('job', jobIn(x, 'queue') ?? '', mark);
    if (write === 'job commit' || write === 'report commit') own('sha', text(json, 'sha'), mark);
    if (write === 'job PR') own('pull', Number(json.number), mark);
    if (write === 'job check queued' || write === 'validate check') own('check', Number(json.id), mark);
  }

  const stop = () =>
    new Promise<never>((_, reject) => {
      cuts.push(() => reject(new Error('held until the app was gone')));
    });

  async function at(x: Exchange, when: Held['when'], answer?: Answer): Promise<void> {
    for (const other of others) {
      if (other.when !== when || !other.looks(x)) continue;
      others.delete(other);
      other.reached();
      await stop();
    }
    const found = named(x);
    if (!found) return;
    const { mark, write } = found;
    const key = `${mark} ${write}`;
    if (answer && answer.status < 300) {
      learn(x, answer, mark, write);
      counts.set(key, (counts.get(key) ?? 0) + 1);
      // A job that started before its check run was made has one that begins as running.
      const running = write === 'job check queued' && text(x.body, 'status') === 'in_progress';
      for (const name of running ? [write, 'job check running'] : [write]) {
        for (const wake of waiting.get(`${mark} ${name}`)?.splice(0) ?? []) wake();
      }
    }
    const held = holds.get(key);
    if (held?.when !== when) return;
    holds.delete(key);
    held.reached();
    await stop();
  }

  github.faults.add({
    match: (method, _path, actor) => method !== 'GET' && actor === 'installation',
    times: Number.POSITIVE_INFINITY,
    before: (x) => at(x, 'before'),
    landed: (x, answer) => at(x, 'landed', answer),
  });

  return {
    watch: (ask) => void asks.push(ask),
    know: (mark, job) => own('job', job, mark),
    hold: (mark, write, when) =>
      new Promise((reached) => {
        holds.set(`${mark} ${write}`, { when, reached });
      }),
    holdIf: (looks, when) =>
      new Promise((reached) => {
        others.add({ looks, when, reached });
      }),
    cut: () => {
      for (const cut of cuts.splice(0)) cut();
    },
    seen(mark, write) {
      const key = `${mark} ${write}`;
      if (counts.has(key)) return Promise.resolve();
      return new Promise((resolve) => {
        waiting.set(key, [...(waiting.get(key) ?? []), resolve]);
      });
    },
    count: (mark, write) => counts.get(`${mark} ${write}`) ?? 0,
    jobOf: (mark) => reverse.get(`job ${mark}`),
    pullOf: (mark) => Number(reverse.get(`pull ${mark}`)) || undefined,
  };
}

type OwnerOf = (kind: string, id: unknown) => string | undefined;
type Named = { mark: string | undefined; write: WriteName } | undefined;

function nameOf(x: Exchange, of: OwnerOf, asks: WatchedAsk[]): Named {
  const call = `${x.method} ${/^\/repos\/[^/]+\/[^/]+\/([^?]*)/.exec(x.path)?.[1] ?? ''}`;
  const id = Number(/\/(\d+)(?:\/|$)/.exec(call)?.[1]);
  const raw = x.raw.toString();
  const byComment = (comment: number) => asks.find((ask) => ask.comment === comment)?.mark;
  if (/^POST issues\/comments\/\d+\/reactions$/.test(call)) return { mark: byComment(id), write: 'reaction' };
  if (/^POST issues\/\d+\/comments$/.test(call)) {
    const mark = asks.find((ask) => ask.thread === id)?.mark;
    if (raw.includes('guruguru:status:')) return { mark, write: 'status comment' };
    return raw.includes('guruguru:final:') ? { mark, write: 'final reply' } : undefined;
  }
  if (/^PATCH issues\/comments\/\d+$/.test(call)) {
    const comment = Number(/guruguru:status:ask:\d+:c(\d+)/.exec(raw)?.[1]);
    return { mark: byComment(comment), write: 'status edit' };
  }
  if (call === 'POST pulls') {
    const comment = Number(/^guruguru\/ask-c(\d+)$/.exec(text(x.body, 'head'))?.[1]);
    return { mark: byComment(comment), write: 'job PR' };
  }
  if (/^PUT pulls\/\d+\/merge$/.test(call)) return { mark: of('pull', id), write: 'merge' };
  return gitWrite(x, call, raw, of, asks) ?? checkWrite(x, call, id, of);
}

function gitWrite(x: Exchange, call: string, raw: string, of: OwnerOf, asks: WatchedAsk[]): Named {
  const sha = text(x.body, 'sha');
  switch (call) {
    case 'POST git/trees': {
      const done = jobIn(x, 'done');
      if (done) return { mark: of('job', done), write: 'report tree' };
      return { mark: asks.find((ask) => raw.includes(ask.mark))?.mark, write: 'job tree' };
    }
    case 'POST git/commits': {
      const [, propose, job] = /guruguru: (propose )?(\d{4}-\d\d-\d\d-\d+)/.exec(raw) ?? [];
      return { mark: of('job', job), write: propose ? 'job commit' : 'report commit' };
    }
    case 'POST git/refs':
      return { mark: of('sha', sha), write: 'job branch' };
    case 'PATCH git/refs/heads/main':
    case 'PATCH git/refs/heads%2Fmain':
      return { mark: of('sha', sha), write: 'report branch' };
    default:
      return undefined;
  }
}

function checkWrite(x: Exchange, call: string, id: number, of: OwnerOf): Named {
  const [, name = ''] = text(x.body, 'name').split(' / ');
  if (call === 'POST check-runs') {
    if (name === 'validate') return { mark: of('sha', text(x.body, 'head_sha')), write: 'validate check' };
    return { mark: of('job', name), write: 'job check queued' };
  }
  if (!/^PATCH check-runs\/\d+$/.test(call)) return undefined;
  const write = text(x.body, 'status') === 'completed' ? 'job check ended' : 'job check running';
  return { mark: of('check', id), write };
}

/** The job whose file a tree puts below `jobs/<folder>/`. */
function jobIn(x: Exchange, folder: 'queue' | 'done'): string | undefined {
  const entries: unknown[] = Array.isArray(x.body.tree) ? x.body.tree : [];
  for (const entry of entries) {
    if (!isJson(entry) || (folder === 'done' && entry.sha === null)) continue;
    const job = new RegExp(`^jobs/${folder}/(?:[^/]+/)?([^/]+)\\.json$`).exec(text(entry, 'path'))?.[1];
    if (job) return job;
  }
  return undefined;
}

function bodyOf(answer: Answer): Json {
  const json = answer.body instanceof Buffer ? parse(answer.body) : answer.body;
  return isJson(json) ? json : {};
}
