import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { redactJson } from '../job/secrets/redact-published.ts';

/** What a job may write to the file named by `GURUGURU_REPORT`. */
export const JOB_REPORT_MAX_BYTES = 65_536;
/** Deeper JSON cannot be written out again. */
const MAX_LEVELS = 100;

/** The JSON a job left for its DoD, redacted; null when there is none. `note` says why one was not taken. */
export async function readJobReport(
  path: string,
  redact: (text: string) => string,
): Promise<{ value: unknown; note: string | null }> {
  const ignored = (why: string) => ({ value: null, note: `GURUGURU_REPORT was not taken: ${why}` });
  // A link, a pipe or a device in its place could lead anywhere or never end.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, flags);
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    return missing ? { value: null, note: null } : ignored('it cannot be read as a plain file');
  }
  try {
    const facts = await file.stat();
    if (!facts.isFile()) return ignored('it is not a plain file');
    if (facts.size > JOB_REPORT_MAX_BYTES) {
      return ignored(`it has ${facts.size} bytes; at most ${JOB_REPORT_MAX_BYTES} are taken`);
    }
    const text = await file.readFile('utf8');
    if (text.trim() === '') return { value: null, note: null };
    const read = parse(text, redact);
    if (!read.ok) return ignored(`it is not JSON (${read.why})`);
    const parsed = read.value;
    if (!nestsWithin(parsed, MAX_LEVELS))
      return ignored(`it nests too deeply, at most ${MAX_LEVELS} levels are taken`);
    // Written out anew: `1e20` grows. String by string, so that it stays JSON; what is left is no string.
    const written = JSON.stringify(redactJson(parsed, redact));
    if (redact(written) !== written) return ignored('it holds a secret value that is no string by itself');
    const bytes = Buffer.byteLength(written);
    if (bytes > JOB_REPORT_MAX_BYTES) {
      return ignored(`written out it has ${bytes} bytes; at most ${JOB_REPORT_MAX_BYTES} are taken`);
    }
    return { value: JSON.parse(written), note: null };
  } catch {
    return ignored('it cannot be read');
  } finally {
    await file.close();
  }
}

type Parsed = { ok: true; value: unknown } | { ok: false; why: string };

/** What is wrong is told of the redacted text: the parser's words quote it, and might cut a secret in two. */
function parse(text: string, redact: (text: string) => string): Parsed {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    try {
      JSON.parse(redact(text));
      return { ok: false, why: 'unreadable' };
    } catch (error) {
      return { ok: false, why: error instanceof Error ? error.message : 'unreadable' };
    }
  }
}

function nestsWithin(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((item) => nestsWithin(item, levels - 1));
}
