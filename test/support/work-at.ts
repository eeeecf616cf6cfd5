import { createBudget } from '../../src/github/budget.ts';
import { createOctokits } from '../../src/github/octokit.ts';
import { createContexts } from '../../src/loop/context.ts';
import type { WorkResult } from '../../src/loop/work.ts';
import { WORK } from '../../src/loop.ts';
import { loadPrompts } from '../../src/plan/prompts.ts';
import type { TestApp } from './app.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const PROMPTS = new URL('../../prompts/', import.meta.url).pathname;

/**
 * Works on a key as a second app on the same rows would whose clock says `now` (ms). Without a model.
 * @returns what the work said of when it is due again
 */
export async function workAt(t: TestApp, key: string, now: number): Promise<WorkResult> {
  const { app, url } = t.github;
  const contexts = createContexts({
    store: t.app().store,
    octokits: createOctokits({
      appId: app.id,
      privateKey: app.privateKey,
      baseUrl: url,
      log: quiet,
      version: '0',
    }),
    budgetOf: () =>
      createBudget({ contentPerMinute: 0, contentPerHour: 0, pointsPerMinute: 0, concurrent: 0 }),
    app: { id: app.id, slug: app.slug },
    landsWithinMs: 2_500,
    model: null,
    prompts: await loadPrompts(PROMPTS),
    redact: (text) => text,
    webUrl: url,
    log: quiet,
    now: () => now,
  });
  const context = await contexts(key, AbortSignal.timeout(60_000), 0);
  const work = WORK[key.slice(0, key.indexOf(':'))];
  if (!context || !work) throw new Error(`nobody works on ${key}`);
  return work(context);
}
