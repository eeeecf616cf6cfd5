import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mock } from 'node:test';
import { createBudget } from '../../src/github/budget.ts';
import { createOctokits, type Octokits } from '../../src/github/octokit.ts';
import { createUsage, type HourOfUse } from '../../src/github/usage.ts';
import { createReconciler } from '../../src/loop/reconcile.ts';
import { dueOf, isKnownEvent } from '../../src/loop.ts';
import { openStore } from '../../src/store/store.ts';
import { startGitHub } from './github/start-github.ts';

export interface PollOptions {
  repositories: number;
  hours: number;
  /** Default 60; a token's life, too. Fewer make a test shorter. */
  minutesOfHour?: number;
  intervalSeconds: number;
  webhooks: boolean;
  /** Comments in every repository and hour; one that asks nothing. */
  commentsPerHour: number;
}

/** What was made just before the first look would be looked at twice. */
const SETTLED_MS = 5_000;

/**
 * The reconciler against the emulator on a clock of its own: each pass begins when the one before it said, with
 * a new installation token every hour. Resolves to what each hour cost the installation.
 */
export async function pollHours(options: PollOptions): Promise<HourOfUse[]> {
  const hourMs = (options.minutesOfHour ?? 60) * 60_000;
  const names = Array.from({ length: options.repositories }, (_, index) => `octo/repository-${index}`);
  const github = await startGitHub({ repositories: names.map((fullName) => ({ fullName })) });
  const dataDir = await mkdtemp(join(tmpdir(), 'guruguru-poll-'));
  const startedAt = Date.now();
  mock.timers.enable({ apis: ['Date'], now: startedAt });
  const store = await openStore({ dataDir });
  const usage = createUsage(Date.now);
  const quiet = { debug() {}, info() {}, warn() {}, error() {} };
  const connect = () =>
    createOctokits({
      appId: github.app.id,
      privateKey: github.app.privateKey,
      baseUrl: github.url,
      log: quiet,
      version: 'test',
      usage,
    });
  let octokits: Octokits = connect();
  const errors: unknown[] = [];
  const noLimits = createBudget({
    contentPerMinute: 0,
    contentPerHour: 0,
    pointsPerMinute: 0,
    concurrent: 0,
  });
  const reconciler = createReconciler({
    store,
    octokits: {
      get app() {
        return octokits.app;
      },
      installation: (id) => octokits.installation(id),
    },
    budgetOf: () => noLimits,
    app: github.app,
    log: { ...quiet, warn: (fields) => errors.push((fields as { err?: unknown }).err) },
    now: Date.now,
    intervalMs: options.intervalSeconds * 1_000,
    webhooks: options.webhooks,
    dueOf,
    isKnownEvent,
  });
  const threads = await Promise.all(
    names.map((name) => github.repository(name).as('octo').openIssue({ title: 'One' })),
  );
  mock.timers.setTime(startedAt + SETTLED_MS);
  const spent: HourOfUse[] = [];
  const { signal } = new AbortController();
  try {
    for (let hour = 1; hour <= options.hours; hour += 1) {
      // A token of its own for an hour that is shorter than a token's life.
      if (hourMs < 3_540_000) octokits = connect();
      let written = 0;
      while (Date.now() < startedAt + hour * hourMs) {
        // Spread over the hour and the repositories.
        const share = (Date.now() - startedAt - (hour - 1) * hourMs) / hourMs;
        for (; written < share * options.commentsPerHour * names.length; written += 1) {
          const index = written % names.length;
          const repository = github.repository(names[index]);
          await repository.as('octo').comment(threads[index] ?? 1, `note ${hour}.${written}`);
        }
        mock.timers.setTime(Math.max(Date.now() + 1, (await reconciler.pass(signal)).dueAt));
      }
      spent.push(...usage.take().filter(({ installation }) => installation !== null));
    }
    if (errors.length > 0) throw new Error('the reconciler complained', { cause: errors[0] });
    if (github.contractViolations.length > 0) throw new Error(github.contractViolations.join('\n'));
    return spent;
  } finally {
    mock.timers.reset();
    await store.close();
    await github.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}
