import { EventEmitter } from 'node:events';
import type { EffectName } from '../../src/github/effect.ts';
import { isJson, parse, text } from '../../test/support/github/json.ts';
import type { Answer, Exchange } from '../../test/support/github/types.ts';

/** What the app has written so far, as the wire saw it land; for people and faults that wait for something. */
export interface Seen {
  landed(effect: EffectName, x: Exchange, answer: Answer): void;
  /** The job PR of an ask (`c<id>` or `i<number>`). */
  pullOf(source: string): JobPull | undefined;
  /** A run of this job has had its final reply. */
  isTold(jobId: string): boolean;
  /** The command a person was told to write instead, in a reply of this thread. */
  advice(thread: number): string | undefined;
  effects: ReadonlySet<EffectName>;
  /** When the last write landed, in ms of the monotonic clock. */
  lastWriteAt(): number;
  writes(): number;
  /** Resolves once `look` finds something, looked at after each write; undefined when `signal` aborts first. */
  until<T>(look: () => T | undefined, signal: AbortSignal): Promise<T | undefined>;
}

export interface JobPull {
  number: number;
  jobId: string;
}

export function createSeen(): Seen {
  const changed = new EventEmitter().setMaxListeners(0);
  const pulls = new Map<string, JobPull>();
  const advice = new Map<number, string>();
  const effects = new Set<EffectName>();
  const told = new Set<string>();
  let lastWriteAt = performance.now();
  let writes = 0;
  return {
    effects,
    advice: (thread) => advice.get(thread),
    isTold: (jobId) => told.has(jobId),
    pullOf: (source) => pulls.get(source),
    lastWriteAt: () => lastWriteAt,
    writes: () => writes,
    landed(effect, x, answer) {
      lastWriteAt = performance.now();
      writes += 1;
      effects.add(effect);
      if (effect === 'pull.create') {
        const source = /^guruguru\/ask-([a-z]\d+)/.exec(text(x.body, 'head'))?.[1];
        const number = numberOf(answer);
        const [jobId = ''] = /\d{4}-\d\d-\d\d-\d+/.exec(text(x.body, 'title')) ?? [];
        if (source && number) pulls.set(source, { number, jobId });
      }
      if (effect === 'comment.create') {
        const job = /^final:job:\d+:([^:]+):/.exec(markerKey(text(x.body, 'body')) ?? '')?.[1];
        if (job) told.add(job);
        const command = /then write `(\/approve [0-9a-f]{40})`/.exec(text(x.body, 'body'))?.[1];
        if (command) advice.set(Number(x.params.issue_number), command);
      }
      changed.emit('write');
    },
    until: (look, signal) =>
      new Promise((resolve) => {
        const end = (found: ReturnType<typeof look>) => {
          changed.off('write', again);
          signal.removeEventListener('abort', stop);
          resolve(found);
        };
        const again = () => {
          const found = look();
          if (found !== undefined) end(found);
        };
        const stop = () => end(undefined);
        changed.on('write', again);
        signal.addEventListener('abort', stop);
        if (signal.aborted) stop();
        else again();
      }),
  };
}

/** The key in a comment's hidden last line. */
export function markerKey(body: string): string | undefined {
  return /<!-- guruguru:(\S+) -->\s*$/.exec(body)?.[1];
}

function numberOf({ body }: Answer): number | undefined {
  const json = body instanceof Buffer ? parse(body) : body;
  return isJson(json) && typeof json.number === 'number' ? json.number : undefined;
}
