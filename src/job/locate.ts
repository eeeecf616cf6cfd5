import { findNodeAtLocation, type Node, parseTree } from 'jsonc-parser';

/** 1-based, the column in UTF-16 units as editors count. */
export interface Place {
  line: number;
  column: number;
}

/** Names and indices from the root, e.g. `['script', 2]`. */
export type JsonPath = readonly PropertyKey[];

/** The place of a character offset; past the end is the end. */
export function placeAt(text: string, offset: number): Place {
  const before = text.slice(0, offset);
  const lastBreak = before.lastIndexOf('\n');
  let line = 1;
  for (let at = before.indexOf('\n'); at !== -1; at = before.indexOf('\n', at + 1)) line += 1;
  return { line, column: before.length - lastBreak };
}

/**
 * The node a path names, or the nearest enclosing one that exists: a missing field is shown at the object
 * that lacks it.
 */
export function nearestNode(root: Node, path: JsonPath): Node {
  for (let length = path.length; length > 0; length -= 1) {
    const segments = path.slice(0, length).map((part) => (typeof part === 'symbol' ? String(part) : part));
    const node = findNodeAtLocation(root, segments);
    if (node !== undefined) return node;
  }
  return root;
}

/** The name node of a property, so that an unknown field is shown where it is written; else its object. */
export function keyNode(root: Node, path: JsonPath): Node {
  const node = nearestNode(root, path);
  return node.parent?.type === 'property' ? (node.parent.children?.[0] ?? node) : node;
}

/** Looks up the places of paths in a JSON text; 1:1 when the text is not JSON. */
export function placesIn(text: string): (path: JsonPath) => Place {
  const root = parseTree(text);
  return (path) => placeAt(text, root === undefined ? 0 : nearestNode(root, path).offset);
}

/** The 1-based line of a path in a JSON text, e.g. `lineOf(text, ['script', 2])`; 1 when it has none. */
export function lineOf(text: string, path: JsonPath): number {
  return placesIn(text)(path).line;
}

/** `['script', 2]` → `script[2]`, `['asked', 'login']` → `asked.login`. */
export function fieldName(path: JsonPath): string {
  return path.reduce<string>((name, part) => {
    if (typeof part === 'number') return `${name}[${part}]`;
    return name === '' ? String(part) : `${name}.${String(part)}`;
  }, '');
}
