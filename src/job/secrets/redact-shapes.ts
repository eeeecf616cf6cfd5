import { findSecrets } from './find-secrets.ts';
import { REDACTED, type Redactor } from './redactor.ts';
import { withoutAnsi } from './without-ansi.ts';

/** So much of what was passed on is looked at again, so that a secret's beginning is seen across an edge. */
const CONTEXT = 200;
/** More is never held back. */
const HELD_MAX = 65_536;

/**
 * Hides secrets of well-known shapes in a stream of text. Text is held back only from where something begins
 * that more text may make a secret; the beginning itself (`ghp_`) tells nothing, so it may be out already.
 */
export function redactShapes(): Redactor {
  // What was passed on or replaced, as it was; then what is held back.
  let context = '';
  let held = '';

  const take = (text: string, mode: 'more' | 'settle' | 'end'): string => {
    const whole = context + held + text;
    const shown = context.length;
    const view = withoutAnsi(whole);
    const found = findSecrets(view.text);
    const spans = found.spans.map(({ from, to }) => [view.rawAt(from), view.rawAt(to - 1) + 1] as const);
    let open = found.open < view.text.length ? view.rawAt(found.open) : view.broken;
    // A secret that reaches into what may go on is told when that has ended.
    for (const [from, to] of spans) if (to > open) open = Math.min(open, from);
    // What is held for too long is judged as it is.
    const holds = mode === 'more' && whole.length - open <= HELD_MAX;
    const end = holds ? Math.max(shown, open) : whole.length;
    let output = '';
    let at = shown;
    for (const [from, to] of spans) {
      if (to > end) break;
      if (to <= at) continue;
      output += whole.slice(at, Math.max(at, from)) + REDACTED;
      at = to;
    }
    output += whole.slice(at, end);
    // A secret that is told as whole does not go on in what another script line prints.
    const told = mode === 'settle' && spans.at(-1)?.[1] === whole.length;
    context = told ? '' : whole.slice(Math.max(0, end - CONTEXT), end);
    held = whole.slice(end);
    return output;
  };

  return {
    push: (text) => (text === '' ? '' : take(text, 'more')),
    settle: () => (held === '' ? '' : take('', 'settle')),
    end: () => take('', 'end'),
  };
}
