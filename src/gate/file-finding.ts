import type { Finding } from '../job/finding.ts';

/** A mistake of a file as a whole. */
export function failure(path: string, rule: string, message: string): Finding {
  return { rule, severity: 'failure', path, line: 1, column: 1, message };
}
