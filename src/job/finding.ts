/**
 * One thing to say about one place in a file. `line` and `column` are 1-based, as editors and GitHub's
 * annotations count them; a finding about the file as a whole stands at 1:1.
 */
export interface Finding {
  /** Closed per producer, e.g. `job/schema`, `policy/timeout`. */
  rule: string;
  severity: 'failure' | 'warning' | 'notice';
  /** The file, relative to the repository. */
  path: string;
  line: number;
  column: number;
  /** Dotted name of the field, e.g. `script[2]`; absent when the file as a whole is meant. */
  field?: string;
  message: string;
}

/** `path:line:col  severity  message (rule)`, the form editors and terminals make clickable. */
export function renderFinding(finding: Finding): string {
  const { path, line, column, severity, message, rule } = finding;
  return `${path}:${line}:${column}  ${severity}  ${message} (${rule})`;
}
