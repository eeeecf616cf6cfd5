/**
 * Tokens a text takes, estimated: four ASCII characters are one, any other character is one. English prose
 * and code come out about right, Japanese a little high, other scripts too high: the error is on the side
 * that stays below the limit.
 */
export function estimateTokens(text: string): number {
  const other = text.match(/[^\x00-\x7F]/gu)?.length ?? 0;
  const units = text.match(/[^\x00-\x7F]/g)?.length ?? 0;
  return Math.ceil((text.length - units) / 4 + other);
}

/** The beginning of a text, whole lines where possible, that takes at most `max` tokens. */
export function clipToTokens(text: string, max: number): { text: string; clipped: boolean } {
  if (estimateTokens(text) <= max) return { text, clipped: false };
  let quarters = Math.max(0, Math.floor(max)) * 4;
  let end = 0;
  for (const character of text) {
    quarters -= character.length === 1 && character.charCodeAt(0) < 0x80 ? 1 : 4;
    if (quarters < 0) break;
    end += character.length;
  }
  const head = text.slice(0, end);
  const line = head.lastIndexOf('\n');
  return { text: line > end / 2 ? head.slice(0, line) : head, clipped: true };
}
