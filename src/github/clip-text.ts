/** Longest text GitHub takes in a comment, a pull request and each field of a check run's output. */
export const TEXT_LIMIT = 65_535;

const NOTICE = '\n\n… (cut: the text is longer than GitHub takes)';

/** The text's start, at most `limit` characters with the notice, never ending in half a character. */
export function clipText(text: string, limit = TEXT_LIMIT): string {
  if (text.length <= limit) return text;
  const kept = text.slice(0, limit - NOTICE.length);
  return `${kept.replace(/[\uD800-\uDBFF]$/, '')}${NOTICE}`;
}
