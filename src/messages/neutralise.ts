import { plainText } from './plain-text.ts';

/** Zero-width space: invisible, and enough to break a mention or a closing keyword. plainText removes it again. */
const BREAK = '\u200b';

/** GitHub pings a name after `@` unless a letter or digit stands before it (an e-mail address). */
const MENTION = /(?<![A-Za-z0-9])@(?=[A-Za-z0-9])/g;

/**
 * GitHub's closing keywords with what they would close; other characters between the two may be Markdown.
 * https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue
 */
const CLOSING =
  /(?<![A-Za-z0-9])(close[sd]?|fix(?:e[sd])?|resolve[sd]?)(?=[^A-Za-z0-9]{1,10}(?:#\d|GH-\d|https?:|[\w.-]{1,100}\/[\w.-]{1,100}#\d))/gi;

/** `owner/name#1` leaves a note in that other thread, `name@sha` in none. */
const ELSEWHERE = /(?<![\w.-])([\w.-]{1,100}\/[\w.-]{1,100})#(?=\d)/g;

/** A browser runs what these lead to; a backslash before the colon is Markdown's and goes. */
const RUNNING_LINK = /(javascript|vbscript|data)(?=\\?:\S)/gi;

/**
 * Somebody else's Markdown, fit to be published under our name: it pings nobody, gives no slash command,
 * closes nothing, leaves no note in another repository, forges no marker, and holds no HTML, no image (which would
 * tell its server who reads) and no link that runs. Idempotent. Code keeps its text, except for HTML comment
 * openers and a space before a slash that opens a line: bots read those in code as well.
 */
export function neutralise(text: string): string {
  return blocksOf(plainText(text).split('\n'))
    .flatMap((block) => (block.code ? block.lines.map(neutraliseCodeLine) : neutraliseProse(block.lines)))
    .join('\n');
}

/** One line of Markdown: as neutralise, line ends become spaces. */
export function neutraliseInline(text: string): string {
  return neutralise(oneLine(text));
}

/** One line of plain text, for titles and commit messages, which know no code. Line ends become spaces. */
export function neutraliseLine(text: string): string {
  return defuse(oneLine(text)).replaceAll('<!--', '<!- -').replace(/^\//, `${BREAK}/`);
}

/** The content of a code block or code span: see neutralise. */
export function neutraliseCodeLine(line: string): string {
  return line.replaceAll('<!--', '<!- -').replace(/^\/(?=[A-Za-z])/, ' /');
}

function oneLine(text: string): string {
  return plainText(text).replace(/\s+/g, ' ').trim();
}

function defuse(text: string): string {
  return text
    .replace(MENTION, `@${BREAK}`)
    .replace(CLOSING, `$1${BREAK}`)
    .replace(ELSEWHERE, `$1${BREAK}#`)
    .replace(RUNNING_LINK, `$1${BREAK}`);
}

interface Block {
  code: boolean;
  lines: string[];
}

/**
 * Splits at code fences, only if every fence starts in the first column outside any list or quote, where
 * CommonMark leaves no doubt; otherwise all of it counts as prose: a mangled `@` in code is better than a ping.
 */
function blocksOf(lines: readonly string[]): Block[] {
  const blocks: Block[] = [];
  let open: string | null = null;
  for (const line of lines) {
    if (open === null) {
      const start = /^(`{3,}|~{3,})[ \t]*[\w+#.-]*[ \t]*$/.exec(line)?.[1];
      if (start) blocks.push({ code: true, lines: [line] });
      else if (/`{3}|~{3}/.test(line)) return [{ code: false, lines: [...lines] }];
      else if (blocks.at(-1)?.code === false) blocks.at(-1)?.lines.push(line);
      else blocks.push({ code: false, lines: [line] });
      open = start ?? null;
    } else {
      blocks.at(-1)?.lines.push(line);
      const end = /^ {0,3}(`{3,}|~{3,})[ \t]*$/.exec(line)?.[1];
      if (end?.startsWith(open)) open = null;
    }
  }
  // Left open it would swallow whatever we write below it.
  if (open !== null) blocks.at(-1)?.lines.push(open);
  return blocks;
}

/** Code spans end with their paragraph, so each run of non-blank lines is judged by itself. */
function neutraliseProse(lines: readonly string[]): string[] {
  const result: string[] = [];
  let paragraph: string[] = [];
  const flush = () => {
    const clear = paragraph.every(hasClearSpans);
    // A keyword and its number may stand on two lines.
    const parts = clear ? paragraph.join('\n').split('`') : [paragraph.join('\n')];
    const text = parts.map((part, index) =>
      index % 2 ? part.replaceAll('<!--', '<!- -') : escapeProse(part),
    );
    if (paragraph.length > 0) result.push(...text.join('`').split('\n').map(escapeSlash));
    paragraph = [];
  };
  for (const line of lines) {
    if (line.trim() !== '') paragraph.push(line);
    else {
      flush();
      result.push(line);
    }
  }
  flush();
  return result;
}

/**
 * Whether splitting at backticks finds exactly the code spans GitHub finds: single backticks, paired on the
 * line, none escaped, none in a table cell, none glued to a URL (which would take the backtick in).
 */
function hasClearSpans(line: string): boolean {
  if (line.includes('``') || line.includes('\\`')) return false;
  const parts = line.split('`');
  if (parts.length % 2 === 0) return false;
  return parts.every((part, index) =>
    index % 2 ? !part.includes('|') : index === parts.length - 1 || !/(?:\/\/|www\.|@)\S*$/.test(part),
  );
}

function escapeProse(text: string): string {
  return defuse(
    text
      .replace(/<(https?:\/\/[^\s<>]+)>/g, '$1')
      .replace(/<(?=[A-Za-z/!?])/g, '&lt;')
      .replace(/(?<!\\)!\[/g, '!\\[')
      .replace(/\\!\[/g, '\\!\\[')
      // GitHub looks for mentions and references after decoding.
      .replace(/&(?!(?:amp|lt|gt|quot|nbsp);)(?=#?[A-Za-z0-9]{1,32};)/g, '&amp;'),
  );
}

function escapeSlash(line: string): string {
  return line.replace(/^([ \t]*)\/(?=[A-Za-z])/, '$1\\/');
}
