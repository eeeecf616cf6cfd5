import { fencedTail, paragraphs, quote } from '../messages/markdown.ts';
import { messagesFor } from '../messages/messages.ts';
import { neutralise } from '../messages/neutralise.ts';
import { clip, tail } from '../messages/plain-text.ts';
import type { Locale, Outcome, RunLinks, ShownChange } from '../messages/views.ts';
import { linkList } from './status-comment.ts';
import { verdictSymbol } from './verdict-symbol.ts';

/** Lines of output a reply shows. */
export const REPLY_LINES = 15;
const REPLY_OUTPUT_MAX = 4000;
const MODEL_TEXT_MAX = 30_000;
const AGENT_MESSAGE_MAX = 3_000;

/** What ends an ask, or asks its asker back. */
export type FinalReplyView = Locale &
  (
    | {
        kind: 'result';
        jobId: string;
        title?: string;
        outcome: Outcome;
        runner: string | null;
        attempt: number;
        /** Readable log text, already redacted; its last lines are shown. */
        log: string;
        links: RunLinks;
        /** An agent's last message, raw, and what became of its change. */
        message?: string;
        change?: ShownChange;
        undo?: string;
      }
    /** The model's Markdown. */
    | { kind: 'answer'; text: string }
    | { kind: 'question'; text: string }
    /** The planner declined; `reason` in its own words. */
    | { kind: 'refusal'; reason: string }
  );

/** The one short reply under an ask, without any marker. Model text is neutralised here. */
export function renderFinalReply(view: FinalReplyView): string {
  const m = messagesFor(view.language);
  if (view.kind === 'answer') return modelText(view.text);
  if (view.kind === 'question')
    return paragraphs(m.replyQuestion({ trigger: view.trigger }), modelText(view.text));
  if (view.kind === 'refusal') return paragraphs(m.replyRefusal(), modelText(view.reason));

  const { outcome, attempt, runner, undo } = view;
  const head = m.replyResult({ jobId: view.jobId, title: view.title ?? '', verdict: outcome.verdict });
  const took = m.replyRan({ runner, seconds: outcome.durationSeconds, attempt });
  const ran = outcome.durationSeconds !== null;
  const output = fencedTail(view.log, REPLY_LINES, REPLY_OUTPUT_MAX);
  const lines = tail(view.log, REPLY_LINES, REPLY_OUTPUT_MAX).split('\n').length;
  return paragraphs(
    `${verdictSymbol(outcome.verdict)} ${head}`,
    m.joined({ sentences: [m.why({ reason: outcome.reason }), took] }),
    view.message ? `${m.replyAgentSays()}\n\n${quote(clip(view.message, AGENT_MESSAGE_MAX))}` : '',
    view.change && m.changeBecame({ change: view.change }),
    view.message ? '' : output ? `${m.replyLastLines({ lines })}\n\n${output}` : ran && m.replyNoOutput(),
    undo && outcome.verdict !== 'succeeded' && ran && m.replyUndo({ undo: clip(undo, 500) }),
    linkList(view.links, m),
  );
}

function modelText(text: string): string {
  return neutralise(clip(text, MODEL_TEXT_MAX)).trim();
}
