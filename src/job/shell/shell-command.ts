/** One word of a command, its quotes removed. */
export interface ShellWord {
  /** Expansions stand in it as they are written, e.g. `$HOME/x`. */
  text: string;
  /** False: it holds an expansion, a glob or braces, so what it will be is only known when it runs. */
  fixed: boolean;
  /** The commands in its substitutions. */
  inside: ShellCommand[];
}

/** One simple command, as bash's grammar sees it or as a wrapper (`sudo`, `env`, `bash -c`, …) will run it. */
export interface ShellCommand {
  /** Its name, then its arguments; empty for an assignment alone. */
  words: ShellWord[];
  /** What is piped into it; null = its input is no pipe. */
  fedBy: ShellCommand[] | null;
  /** Its input where that is written down: here-documents and here-strings. */
  input: ShellWord[];
  /** Something is redirected into it or around it: a file, a here-document, a descriptor. */
  redirected: boolean;
}

/** The name without its folder; null = none, or only known when it runs. */
export function nameOf(command: ShellCommand): string | null {
  const name = command.words[0];
  return name?.fixed ? (name.text.split('/').pop() ?? '') : null;
}

/** The words after the name, as written. */
export function argumentsOf(command: ShellCommand): string[] {
  return command.words.slice(1).map(({ text }) => text);
}
