import { scanShell } from './scan-shell.ts';

/**
 * Splits the lines of a shell block into script entries: one command line each, but a construct that spans
 * lines (here-document, quotes, `if`, loop, `case`, function, braces, parentheses, `\`, a trailing `|`,
 * `&&` or `||`) stays one entry. Comments stay with the command below them, the last ones with the command
 * above. Blank lines between entries are dropped, nothing else is changed.
 *
 * Where the text is not understood (an `fi` without its `if`, a quote without its end) the whole block is
 * one entry: splitting wrongly could change what runs, not splitting only makes the report coarser.
 *
 * @returns no entry at all when there is no command
 */
export function scriptEntries(lines: readonly string[]): string[] {
  const scan = scanShell(lines.join('\n'));
  if (!scan.understood) return [trimBlank(lines)];
  const entries: string[] = [];
  let pending: string[] = [];
  let holdsCommand = false;
  lines.forEach((line, index) => {
    pending.push(line);
    holdsCommand ||= scan.commandLines.has(index);
    if (!holdsCommand || !scan.completeAfter.has(index)) return;
    entries.push(trimBlank(pending));
    pending = [];
    holdsCommand = false;
  });
  const comments = trimBlank(pending);
  const last = entries.pop();
  if (last === undefined) return [];
  return [...entries, comments === '' ? last : `${last}\n${comments}`];
}

function trimBlank(lines: readonly string[]): string {
  const first = lines.findIndex((line) => line.trim() !== '');
  const last = lines.findLastIndex((line) => line.trim() !== '');
  return first < 0 ? '' : lines.slice(first, last + 1).join('\n');
}
