/** Live progress for a person: what happened, and when. */
export interface Screen {
  title(text: string): void;
  note(text: string): void;
  step(what: string, detail?: string): void;
  said(who: string, text: string): void;
  /** Since the start. */
  seconds(): number;
}

export function createScreen(out: NodeJS.WriteStream): Screen {
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const bold = (text: string) => (out.isTTY ? `\u001b[1m${text}\u001b[0m` : text);
  const dim = (text: string) => (out.isTTY ? `\u001b[2m${text}\u001b[0m` : text);
  return {
    seconds,
    title: (text) => void out.write(`\n${bold(text)}\n`),
    note: (text) => void out.write(`${dim(text)}\n`),
    step: (what, detail = '') =>
      void out.write(
        `${dim(seconds().toFixed(1).padStart(6))} s  ${what}${detail ? dim(`  ${detail}`) : ''}\n`,
      ),
    said(who, text) {
      const lines = text.split('\n');
      for (const [index, line] of lines.entries()) {
        out.write(`          ${dim(index === 0 ? `${who}:`.padEnd(10) : ' '.repeat(10))} ${line}\n`);
      }
    },
  };
}
