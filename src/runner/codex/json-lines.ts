/** More than any event; an output that never ends its line must not fill the memory. */
const LINE_MAX_CHARACTERS = 4 * 1024 * 1024;

/**
 * Puts chunks of bytes together to lines. `complete` is false for one that was cut because it was too long: what
 * follows it up to its end is dropped.
 */
export function jsonLines(
  take: (line: string, complete: boolean) => void,
  maxCharacters = LINE_MAX_CHARACTERS,
) {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  let length = 0;
  let dropping = false;
  const add = (text: string) => {
    if (dropping) return;
    parts.push(text);
    length += text.length;
    if (length <= maxCharacters) return;
    dropping = true;
    parts = [];
    take(`(an event of more than ${maxCharacters} characters was left out)`, false);
  };
  const end = () => {
    if (!dropping && length > 0) take(parts.join('').replace(/\r$/, ''), true);
    parts = [];
    length = 0;
    dropping = false;
  };
  const push = (text: string) => {
    const lines = text.split('\n');
    for (const [index, line] of lines.entries()) {
      if (index > 0) end();
      add(line);
    }
  };
  return {
    push: (bytes: Uint8Array) => push(decoder.decode(bytes, { stream: true })),
    end() {
      push(decoder.decode());
      end();
    },
  };
}
