import { REDACTED, type Redactor } from './redactor.ts';
import { secretForms } from './secret-forms.ts';
import { type View, withoutAnsi } from './without-ansi.ts';

/** Hides known values in a stream of text, also where one is cut by a chunk's edge. Memory: the longest form. */
export function redactValues(values: Iterable<string>): Redactor {
  const patterns = [...new Set([...values].flatMap(secretForms))].map((text) => ({
    text,
    failure: failureOf(text),
  }));
  let held = '';
  // So many characters of `held` belong to a secret whose replacement is already written.
  let covered = 0;

  const take = (text: string, view: View, end: number): string => {
    const spans = secretSpans(view, patterns, covered);
    let output = '';
    let at = covered;
    let stillCovered = 0;
    for (const [from, to] of spans) {
      // The span at 0 continues one whose replacement is already written.
      const continued = from === 0 && covered > 0;
      if (from >= end && !continued) break;
      if (from >= at) output += text.slice(at, from);
      if (!continued) output += REDACTED;
      at = Math.min(to, end);
      stillCovered = Math.max(0, to - end);
    }
    if (at < end) output += text.slice(at, end);
    held = text.slice(end);
    covered = stillCovered;
    return output;
  };

  return {
    push(text) {
      if (patterns.length === 0) return text;
      const whole = held + text;
      const view = withoutAnsi(whole);
      const open = openSuffix(view.text, patterns);
      return take(whole, view, open === 0 ? view.broken : view.rawAt(view.text.length - open));
    },
    settle: () => '',
    end() {
      return take(held, withoutAnsi(held), held.length);
    },
  };
}

interface Pattern {
  text: string;
  failure: Int32Array;
}

/** Where secrets stand, sorted and merged; the first `covered` characters count as one. */
function secretSpans(view: View, patterns: readonly Pattern[], covered: number): [number, number][] {
  const { text } = view;
  const spans: [number, number][] = covered > 0 ? [[0, covered]] : [];
  for (const pattern of patterns) {
    for (
      let found = text.indexOf(pattern.text);
      found !== -1;
      found = text.indexOf(pattern.text, found + 1)
    ) {
      const last = spans.at(-1);
      const at = view.rawAt(found);
      const end = view.rawAt(found + pattern.text.length - 1) + 1;
      // Matches of one pattern come in order; overlapping ones become one span at once.
      if (last !== undefined && last[0] <= at && at <= last[1]) last[1] = Math.max(last[1], end);
      else spans.push([at, end]);
    }
  }
  spans.sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const span of spans) {
    const last = merged.at(-1);
    if (last !== undefined && span[0] < last[1]) last[1] = Math.max(last[1], span[1]);
    else merged.push(span);
  }
  return merged;
}

/** Length of the longest end of the text that may be the beginning of a secret. */
function openSuffix(text: string, patterns: readonly Pattern[]): number {
  let longest = 0;
  for (const { text: pattern, failure } of patterns) {
    let state = 0;
    for (let at = Math.max(0, text.length - pattern.length + 1); at < text.length; at += 1) {
      while (state > 0 && pattern[state] !== text[at]) state = failure[state - 1] ?? 0;
      if (pattern[state] === text[at]) state += 1;
    }
    longest = Math.max(longest, state);
  }
  return longest;
}

/** Knuth, Morris, Pratt: for each prefix the length of its longest border. */
function failureOf(pattern: string): Int32Array {
  const failure = new Int32Array(pattern.length);
  let state = 0;
  for (let at = 1; at < pattern.length; at += 1) {
    while (state > 0 && pattern[state] !== pattern[at]) state = failure[state - 1] ?? 0;
    if (pattern[state] === pattern[at]) state += 1;
    failure[at] = state;
  }
  return failure;
}
