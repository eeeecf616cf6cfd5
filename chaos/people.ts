import { setTimeout as delay } from 'node:timers/promises';
import type { GitHubServer } from '../test/support/github/start-github.ts';
import { askText, type Scenario, scriptOf } from './scenario.ts';
import type { Seen } from './wire/seen.ts';

/** One ask as it was really written, and what people did about it. */
export interface Asked {
  scenario: Scenario;
  thread: number;
  /** `c<comment id>` or `i<issue number>`; undefined when it never came to be written. */
  source: string;
  /** `/retry` comments by somebody who may. */
  retries: number;
  cancels: number;
}

export interface People {
  asked: Asked[];
  /** What people could not do and why; nothing is promised about that. */
  failures: string[];
  /** Resolves when every ask is written, or `signal` is aborted. */
  written: Promise<void>;
}

/** Writes the asks when their time comes, and answers job PRs as the scenarios say. */
export function startPeople(
  github: GitHubServer,
  seen: Seen,
  scenarios: readonly Scenario[],
  startsFolder: string,
  signal: AbortSignal,
): People {
  const asked: Asked[] = [];
  const failures: string[] = [];
  const shared = new Map<number, Promise<number>>();

  const threadOf = (scenario: Scenario): Promise<number> => {
    const { sharedThread } = scenario;
    const open = () => github.as('octo').openIssue({ title: `Thread of ${scenario.mark}` });
    if (sharedThread === null) return open();
    const thread = shared.get(sharedThread) ?? open();
    shared.set(sharedThread, thread);
    return thread;
  };

  async function write(scenario: Scenario): Promise<Asked> {
    const asker = github.as(scenario.asker);
    const text = askText(scenario, scriptOf(scenario, startsFolder));
    const more = { scenario, retries: 0, cancels: 0 };
    if (scenario.place === 'opening') {
      const thread = await asker.openIssue({ title: `Ask of ${scenario.mark}`, body: text });
      return { ...more, thread, source: `i${thread}` };
    }
    const thread = await threadOf(scenario);
    const { id } = await asker.comment(thread, text);
    return { ...more, thread, source: `c${id}` };
  }

  async function decide(ask: Asked): Promise<void> {
    const { scenario, source, thread } = ask;
    if (scenario.form !== 'prose' || scenario.plan !== 'job' || scenario.decision === 'leave') return;
    const pull = (await seen.until(() => seen.pullOf(source), signal))?.number;
    if (pull === undefined) return;
    await delay(scenario.hesitation, undefined, { signal });
    const octo = github.as('octo');
    switch (scenario.decision) {
      case 'review':
        await octo.review(pull, { event: 'APPROVE' });
        return;
      case 'approve_on_pull':
        await approve(pull, pull);
        return;
      case 'approve_on_thread':
        await approve(scenario.sharedThread === null ? thread : pull, pull);
        return;
      case 'hand_merge':
        await octo.merge(pull);
        return;
      case 'close':
        await octo.close(pull);
    }
  }

  /** Says so, and says it again as the reply wants it: to an app whose clock is ahead, the head is newer than the yes. */
  async function approve(thread: number, pull: number): Promise<void> {
    const octo = github.as('octo');
    await octo.comment(thread, '/approve');
    const advice = await seen.until(() => seen.advice(thread), signal);
    if (advice) await octo.comment(pull, advice);
  }

  async function cancel(ask: Asked): Promise<void> {
    if (ask.scenario.cancelAfter === null) return;
    await delay(ask.scenario.cancelAfter, undefined, { signal });
    ask.cancels += 1;
    await github.as('octo').comment(ask.thread, '/cancel');
  }

  async function retry(ask: Asked): Promise<void> {
    if (!ask.scenario.retries || ask.scenario.asker === 'stranger') return;
    const pull = await seen.until(() => seen.pullOf(ask.source), signal);
    if (pull === undefined) return;
    const told = await seen.until(() => seen.isTold(pull.jobId) || undefined, signal);
    if (!told) return;
    ask.retries += 1;
    await github.as('octo').comment(ask.thread, '/retry');
  }

  async function play(scenario: Scenario, started: number): Promise<void> {
    await delay(Math.max(0, scenario.at - (performance.now() - started)), undefined, { signal });
    const ask = await write(scenario);
    asked.push(ask);
    for (const act of [decide(ask), cancel(ask), retry(ask)]) act.catch((error) => fail(scenario, error));
  }

  function fail({ mark }: Scenario, error: unknown): void {
    if (!signal.aborted) failures.push(`${mark}: ${error}`);
  }

  const started = performance.now();
  const written = Promise.all(
    scenarios.map((scenario) => play(scenario, started).catch((error: unknown) => fail(scenario, error))),
  ).then(() => {});
  return { asked, failures, written };
}
