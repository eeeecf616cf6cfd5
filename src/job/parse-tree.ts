import { createScanner, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';

const OPEN_BRACE = 1;
const CLOSE_BRACE = 2;
const OPEN_BRACKET = 3;
const CLOSE_BRACKET = 4;
const END = 17;
/** A job nests three deep. More is refused before a tree is built, because trees are walked by recursion. */
const MAX_DEPTH = 20;

/** The tree with offsets, or where and why the text is not JSON. Never throws. */
export type JsonTree = { root: Node } | { offset: number; problem: string };

export function parseJsonTree(text: string): JsonTree {
  if (text.trim() === '') return { offset: 0, problem: 'the file is empty: write one JSON object' };
  const deep = offsetBelow(text, MAX_DEPTH);
  if (deep !== null)
    return { offset: deep, problem: `the file nests more than ${MAX_DEPTH} levels: flatten it` };

  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false });
  const error = errors[0];
  if (error !== undefined) {
    const what = printParseErrorCode(error.error)
      .replace(/([a-z])([A-Z])/g, '$1 $2')
      .toLowerCase();
    return { offset: error.offset, problem: `the file is not JSON: ${what} here` };
  }
  const strict = strictProblem(text);
  if (root === undefined || strict !== null) {
    return { offset: 0, problem: `the file is not JSON: ${strict ?? 'no value'}` };
  }
  return { root };
}

/** jsonc-parser takes some things that JSON does not. */
function strictProblem(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function offsetBelow(text: string, levels: number): number | null {
  const scanner = createScanner(text, true);
  let depth = 0;
  for (let token = scanner.scan() as number; token !== END; token = scanner.scan()) {
    if (token === OPEN_BRACE || token === OPEN_BRACKET) depth += 1;
    if (token === CLOSE_BRACE || token === CLOSE_BRACKET) depth -= 1;
    if (depth > levels) return scanner.getTokenOffset();
  }
  return null;
}

/** The name nodes that repeat an earlier name of the same object, at any depth. */
export function repeatedKeys(node: Node): Node[] {
  const seen = new Set<unknown>();
  const here =
    node.type !== 'object'
      ? []
      : (node.children ?? []).flatMap((property) => {
          const key = property.children?.[0];
          if (key === undefined) return [];
          if (seen.has(key.value)) return [key];
          seen.add(key.value);
          return [];
        });
  return [...here, ...(node.children ?? []).flatMap(repeatedKeys)];
}

/** The name nodes called `name`, at any depth. */
export function keysNamed(node: Node, name: string): Node[] {
  const key = node.type === 'property' ? node.children?.[0] : undefined;
  const here = key?.value === name ? [key] : [];
  return [...here, ...(node.children ?? []).flatMap((child) => keysNamed(child, name))];
}
