import { forEachChild, type ParsedScript, parse, type SyntaxNode } from 'unbash';

/** `script`: what could be read, null = nothing. `problem`: why not all of it was; goes on after the line's name. */
export interface ParsedShell {
  script: ParsedScript | null;
  problem: string | null;
}

/**
 * Characters times the substitutions that may be nested in them: the parser reads a substitution again for
 * each level around it, at about 10 MB a second.
 */
const MAX_EFFORT = 2_000_000;
/** The parser's own limit of nesting is 256. */
const MAX_NESTING = 256;

/**
 * Reads shell text with bash's grammar (5.3, a superset of the 3.2 that macOS has), all its substitutions
 * too. What bash itself
 * would refuse is a problem; what can be read of it is there all the same. Never throws; at most half a second.
 */
export function parseShell(text: string): ParsedShell {
  // The parser stops there, and bash drops it and goes on.
  if (text.includes('\0')) return { script: null, problem: 'has a NUL character' };
  const nested = text.match(/[$<>]\(|`|\$\{|\$\[/g)?.length ?? 0;
  if (text.length * Math.min(nested, MAX_NESTING) > MAX_EFFORT)
    return { script: null, problem: 'has too many substitutions to be looked at' };
  try {
    const script = parse(text);
    const message = firstError(script);
    return { script, problem: message === null ? null : `is no valid bash: ${message}` };
  } catch {
    return { script: null, problem: 'nests too deeply to be looked at' };
  }
}

/** The first error of the script or of a substitution in it. */
function firstError(script: ParsedScript): string | null {
  const open: SyntaxNode[] = [script];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    const problem = problemOf(node);
    if (problem !== null) return problem;
    forEachChild(node, (child) => {
      open.push(child);
    });
  }
  return null;
}

function problemOf(node: SyntaxNode): string | null {
  if (node.type === 'Script') return node.errors?.[0]?.message ?? null;
  // bash takes the end of the text for the end of a here-document, with a warning: it was not meant so.
  if (node.type === 'HereDoc' && node.closing === undefined) return 'a here-document has no end';
  return null;
}
