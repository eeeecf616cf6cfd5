/** The commands other than the trigger. Their words are fixed; only the trigger is configurable. */
export const COMMANDS = ['approve', 'cancel', 'retry', 'pause', 'resume', 'status', 'help'] as const;
export type CommandName = (typeof COMMANDS)[number];

/** The word of a goal. It is heard as an ask is, whatever the trigger. */
export const GOAL_WORD = '/goal';

export interface SlashLine {
  /** With its slash, lower case: `/ask`. */
  word: string;
  /** The rest of the first line, then the following lines; outer blank space removed. */
  rest: string;
}

const SLASH_LINE = /^ {0,3}(\/[A-Za-z][A-Za-z0-9-]*)(?=\s|$)/;

/**
 * The slash word that opens a text, or null. Only the first non-blank line counts, so a command inside a
 * quote or a code fence starts nothing; four spaces of indentation are a code block in Markdown.
 */
export function parseSlashLine(body: string): SlashLine | null {
  const text = body.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
  const first = text.search(/[^\s]/);
  if (first < 0) return null;
  const lineStart = text.lastIndexOf('\n', first) + 1;
  const opening = text.slice(lineStart);
  const match = SLASH_LINE.exec(opening);
  if (!match?.[1]) return null;
  return { word: match[1].toLowerCase(), rest: opening.slice(match[0].length).trim() };
}

export function isCommandName(word: string): word is CommandName {
  return (COMMANDS as readonly string[]).includes(word);
}
