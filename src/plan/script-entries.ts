import { forEachChild, type SyntaxNode } from 'unbash';
import { parseShell } from '../job/shell/parse-shell.ts';

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
  const text = lines.join('\n');
  const { script, problem } = parseShell(text);
  if (script === null || problem !== null) return [trimBlank(lines)];
  const spans = script.commands
    // A continuation at the end of everything joins nothing.
    .filter(({ pos, end }) => text.slice(pos, end) !== '\\')
    .map((statement) => ({ from: statement.pos, to: endOf(statement) }));
  const entries: string[] = [];
  let pending: string[] = [];
  let holdsCommand = false;
  let next = 0;
  let reaches = 0;
  let offset = 0;
  for (const line of lines) {
    const end = offset + line.length;
    pending.push(line);
    for (let span = spans[next]; span && span.from <= end; span = spans[++next]) {
      holdsCommand = true;
      reaches = Math.max(reaches, span.to);
    }
    offset = end + 1;
    if (!holdsCommand || reaches > end) continue;
    entries.push(trimBlank(pending));
    pending = [];
    holdsCommand = false;
  }
  const rest = trimBlank(pending);
  const last = entries.pop();
  if (last === undefined) return [];
  return [...entries, rest === '' ? last : `${last}\n${rest}`];
}

/** Where a statement ends with its here-documents, whose bodies stand below it. */
function endOf(statement: SyntaxNode): number {
  let end = statement.end;
  const open = [statement];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.type === 'HereDoc') end = Math.max(end, node.closing?.end ?? node.body.end);
    // Positions inside a substitution lie inside it, but for backticks they count anew.
    if (node.type === 'CommandExpansion') continue;
    forEachChild(node, (child) => {
      open.push(child);
    });
  }
  return end;
}

function trimBlank(lines: readonly string[]): string {
  const first = lines.findIndex((line) => line.trim() !== '');
  const last = lines.findLastIndex((line) => line.trim() !== '');
  return first < 0 ? '' : lines.slice(first, last + 1).join('\n');
}
