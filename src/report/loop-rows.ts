import { cell } from '../messages/markdown.ts';

/** As a part of a pattern: `2025-11-22 03:04 UTC`. */
export const UTC_MINUTE = '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d UTC';

/** `2025-11-22 03:04 UTC`: sorts as text. */
export function utcMinute(iso: string): string {
  const at = new Date(iso);
  return Number.isNaN(at.getTime())
    ? cell(iso, 40)
    : `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** The cells of a row; a `|` in one is escaped. */
export function cellsOf(row: string): string[] {
  return row
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((text) => text.trim());
}

/** A path of the repository as a link in a file of `reports/`. */
export function linkFromReports(path: string): string {
  return path.replace(/^reports\//, '').replace(/[^\w./-]/g, encodeURIComponent);
}
