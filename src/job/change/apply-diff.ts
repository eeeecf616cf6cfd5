import { createHash } from 'node:crypto';
import type { FileDiff } from './parse-diff.ts';

export type AppliedDiff = { ok: true; text: string } | { ok: false };

/**
 * The file after the change. Every line that the diff says was there must be there, at its place, and the result
 * must have the very blob name that git gave it: what is published is what the agent left, byte for byte.
 */
export function applyDiff(file: FileDiff, before: Uint8Array | null): AppliedDiff {
  if ((before === null) !== (file.oldBlob === null)) return { ok: false };
  if (before !== null && blobName(before) !== file.oldBlob) return { ok: false };
  const old = linesOf(before === null ? '' : Buffer.from(before).toString('utf8'));
  const made: string[] = [];
  let at = 0;
  for (const hunk of file.hunks) {
    // Of a hunk that takes no line away, git names the line before it.
    const start = hunk.oldLines === 0 ? hunk.oldStart : hunk.oldStart - 1;
    if (start < at || start > old.length) return { ok: false };
    for (; at < start; at += 1) made.push(old[at] ?? '');
    for (const { op, text } of hunk.lines) {
      if (op !== '+' && old[at++] !== text) return { ok: false };
      if (op !== '-') made.push(text);
    }
  }
  for (; at < old.length; at += 1) made.push(old[at] ?? '');
  const text = made.join('');
  return blobName(Buffer.from(text)) === file.newBlob ? { ok: true, text } : { ok: false };
}

/** Git's SHA-1 name of a blob. A repository with SHA-256 names has none that is equal. */
function blobName(bytes: Uint8Array): string {
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

/** Each with its line end. */
function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/**
 * Each side of each hunk as a text of its own, and the paths: a secret of several lines is cut by the marks in front
 * of them.
 */
export function sidesOf(files: readonly FileDiff[]): string[] {
  return files.flatMap(({ path, hunks }) => [
    path,
    ...hunks.flatMap(({ lines }) =>
      (['-', '+'] as const).map((other) =>
        lines.flatMap(({ op, text }) => (op === other ? [] : [text])).join(''),
      ),
    ),
  ]);
}

/** Whether hiding secrets would change anything of a diff or of the texts in it. */
export function holdsSecretText(
  diff: string,
  files: readonly FileDiff[],
  redact: (text: string) => string,
): boolean {
  return [diff, ...sidesOf(files)].some((text) => redact(text) !== text);
}
