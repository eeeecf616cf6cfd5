/** A text seen without its terminal escapes, and where each of its characters stands in the text. */
export interface View {
  text: string;
  /** Index in the original of the character at `index` of the view; of its end: the original's end. */
  rawAt(index: number): number;
  /** An escape that the text breaks off in begins here in the original; its length when there is none. */
  broken: number;
}

/** CSI with at most 64 characters, OSC to its end, and escapes of two or three characters. */
const ESCAPE =
  /\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]|\][^\x07\x1b\n]{0,2048}(?:\x07|\x1b\\)|[ -/]{1,3}[0-~]|[0-OQ-WYZ`-~])/g;
const BROKEN = /\x1b(?:\[[0-?]{0,64}[ -/]{0,8}|\][^\x07\x1b\n]{0,2048}\x1b?|[ -/]{0,3})$/;

/** `grep --color` and the like put escapes into the middle of words. */
export function withoutAnsi(original: string): View {
  if (!original.includes('\x1b')) {
    return { text: original, rawAt: (index) => index, broken: original.length };
  }
  const broken = BROKEN.exec(original.slice(-2200));
  const end = broken === null ? original.length : original.length - broken[0].length;
  const starts: number[] = [];
  const skips: number[] = [];
  let text = '';
  let at = 0;
  for (const found of original.slice(0, end).matchAll(ESCAPE)) {
    text += original.slice(at, found.index);
    at = found.index + found[0].length;
    starts.push(text.length);
    skips.push(at - text.length);
  }
  text += original.slice(at, end);
  const rawAt = (index: number): number => {
    if (index >= text.length) return end;
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= index) low = middle + 1;
      else high = middle;
    }
    return index + (skips[low - 1] ?? 0);
  };
  return { text, rawAt, broken: end };
}
