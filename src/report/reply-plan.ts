import { publishComment } from '../github/publish.ts';
import type { Scope } from '../github/scope.ts';
import { patchAsk } from '../store/asks.ts';
import type { AskRow, PlanRow } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';
import { renderFinalReply } from './final-reply.ts';

type Spoken = { kind: 'answer' | 'question'; text: string } | { kind: 'refusal'; reason: string };

/** Ends an ask whose plan is words: an answer, a question back, or the model's own refusal. */
export async function replyPlan(scope: Scope, ask: AskRow, plan: PlanRow): Promise<void> {
  const spoken = JSON.parse(plan.body) as Spoken;
  const locale = {
    language: ask.language,
    timeZone: scope.settings.timeZone,
    trigger: scope.settings.trigger,
  };
  const body = renderFinalReply({ ...locale, ...spoken });
  await publishComment(scope, { issue: ask.thread, key: `final:${ask.key}`, body });
  const reason =
    spoken.kind === 'answer' ? 'answered' : spoken.kind === 'question' ? 'question_asked' : 'model_refused';
  await scope.store.write(async (tx) => {
    await patchAsk(tx, ask.key, { state: 'ended', reason, updated_at: scope.now() });
    await enqueue(tx, `status:${ask.key}`);
  });
}
