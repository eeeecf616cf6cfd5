import { redactShapes } from './redact-shapes.ts';
import { redactValues } from './redact-values.ts';
import type { Redactor } from './redactor.ts';

/**
 * Redacts a stream of text, also where a secret is cut by a chunk's edge or a terminal escape: these values in
 * all their forms (secret-forms.ts), then whatever has the shape of a well-known secret.
 */
export function createRedactor(values: Iterable<string>): Redactor {
  const known = redactValues(values);
  const shapes = redactShapes();
  return {
    push: (text) => shapes.push(known.push(text)),
    settle: () => shapes.settle(),
    end: () => shapes.push(known.end()) + shapes.end(),
  };
}

/** One text at once. */
export function redactText(text: string, values: Iterable<string>): string {
  const redactor = createRedactor(values);
  return redactor.push(text) + redactor.end();
}
