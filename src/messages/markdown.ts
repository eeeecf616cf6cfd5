import { neutralise, neutraliseCodeLine, neutraliseInline } from './neutralise.ts';
import { clip, plainText, tail, visibleText } from './plain-text.ts';

/** A fenced code block longer than any run of backticks inside. `info`: language name, e.g. `sh`. */
export function fence(text: string, info = ''): string {
  const body = plainText(text).split('\n').map(neutraliseCodeLine).join('\n');
  const marks = '`'.repeat(Math.max(3, longestRun(body) + 1));
  return `${marks}${info.replace(/[^\w+-]/g, '')}\n${body}\n${marks}`;
}

/** The end of a log in a code block of at most `max` UTF-16 units in all; empty for an empty log. */
export function fencedTail(log: string, lines: number, max: number): string {
  for (let chars = max - 8; chars > 0; chars = Math.floor(chars / 2)) {
    const end = tail(log, lines, chars);
    if (end.trim() === '') return '';
    // Escaping, and a log made of backticks, make it longer than its text.
    const block = fence(end);
    if (block.length <= max) return block;
  }
  return '';
}

/** Inline code that backticks and line ends cannot break out of; invisible characters are spelled out. */
export function code(text: string): string {
  const body = visibleText(text).replace(/\n/g, ' ⏎ ').replaceAll('<!--', '<!- -');
  const marks = '`'.repeat(longestRun(body) + 1);
  const pad = /^`|`$|^\s+$|^ .* $|^$/.test(body) ? ' ' : '';
  return `${marks}${pad}${body}${pad}${marks}`;
}

/** The same for a cell of a table, where `|` must be escaped even in code. */
export function codeCell(text: string): string {
  return code(text).replaceAll('|', '\\|');
}

/** Somebody's words in one cell of a table or one line of ours. */
export function cell(text: string, max = 200): string {
  return neutraliseInline(clip(text, max)).replace(/\\?\|/g, '\\|');
}

/** A link with our own words; a URL that is not https or http gives the words alone. */
export function link(words: string, url: string | undefined): string {
  return url && /^https?:\/\/[^\s<>()]+$/.test(url) ? `[${words}](${url})` : words;
}

/** A folded part. `summary`: one line of text of ours; `body`: Markdown. */
export function details(summary: string, body: string): string {
  return `<details>\n<summary>${summary}</summary>\n\n${body}\n\n</details>`;
}

/** Paragraphs joined by blank lines; absent ones are left out. */
export function paragraphs(...parts: (string | false | null | undefined)[]): string {
  return parts.filter((part) => part).join('\n\n');
}

export function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join('\n');
}

/** Somebody's Markdown as a quotation. */
export function quote(text: string): string {
  const lines = neutralise(text).trim().split('\n');
  return lines.map((line) => `> ${line}`.trimEnd()).join('\n');
}

function longestRun(text: string): number {
  return Math.max(0, ...[...text.matchAll(/`+/g)].map((run) => run[0].length));
}
