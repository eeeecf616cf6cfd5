import { type May, mayAct } from '../github/may.ts';
import { publishReaction } from '../github/publish.ts';
import type { Scope } from '../github/scope.ts';
import { detectLanguage } from '../messages/detect-language.ts';
import { patchAsk } from '../store/asks.ts';
import { listJobsForPull } from '../store/jobs.ts';
import { askData, withData } from '../store/row-data.ts';
import type { AskRow } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';
import { askBody, isGoal } from './observe-ask.ts';

/** The language replies are written in: the settings', else that of the ask. */
export function languageOf(scope: Pick<Scope, 'settings'>, text: string): 'en' | 'ja' {
  return scope.settings.language === 'auto' ? detectLanguage(text) : scope.settings.language;
}

export async function checkPermission(scope: Scope, ask: AskRow): Promise<void> {
  const asked = askData(ask);
  // A bot that the policy names needs nothing else: GitHub knows no permission of most of them.
  const right: May = asked.bot
    ? { may: true, permission: 'none' }
    : await mayAct(scope, ask.login, scope.settings.policy.ask);
  const { may, permission } = right;
  await scope.store.write((tx) =>
    patchAsk(tx, ask.key, {
      language: languageOf(scope, askBody(ask) || ask.text),
      data: withData(asked, { permission, may, ...(right.may ? {} : { whyNot: right.why }) }),
      updated_at: scope.now(),
    }),
  );
}

/** 👀 and the first status comment: the asker sees at once that the ask was heard. */
export async function acceptAsk(scope: Scope, ask: AskRow): Promise<void> {
  if (ask.source !== 'v') await publishReaction(scope, { kind: ask.source, id: ask.source_id }, 'eyes');
  const data = askData(ask);
  // A goal replaces no job, wherever it was written.
  const jobs =
    ask.on_pull && !isGoal(ask) ? await listJobsForPull(scope.store.db, scope.repo.id, ask.thread) : [];
  const proposed = jobs.filter((row) => row.state === 'proposed');
  // A person may have added a second job file: the one that was asked for is meant.
  const job = proposed.find((row) => row.ask_key) ?? proposed[0];
  const replans = data.replans ?? (job && { jobId: job.id, pull: ask.thread });
  const pullHead =
    ask.on_pull && !replans ? (await scope.client.pull(ask.thread, scope.signal)).headSha : undefined;
  await scope.store.write(async (tx) => {
    await patchAsk(tx, ask.key, {
      state: 'accepted',
      data: withData(data, { ...(replans ? { replans } : {}), ...(pullHead ? { pullHead } : {}) }),
      updated_at: scope.now(),
    });
    await enqueue(tx, `status:${ask.key}`);
  });
}
