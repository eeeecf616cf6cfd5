import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

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
    const parsed: unknown = JSON.parse(redact(text));
    if (!nestsWithin(parsed, MAX_LEVELS))
      return ignored(`it nests too deeply, at most ${MAX_LEVELS} levels are taken`);
    // Written out anew: `1e20` grows, and a secret spelled with escapes becomes readable.
    const written = redact(JSON.stringify(parsed));
    const bytes = Buffer.byteLength(written);
    if (bytes > JOB_REPORT_MAX_BYTES) {
      return ignored(`written out it has ${bytes} bytes; at most ${JOB_REPORT_MAX_BYTES} are taken`);
    }
    return { value: JSON.parse(written), note: null };
  } catch (error) {
    return ignored(`it is not JSON (${error instanceof Error ? redact(error.message) : 'unreadable'})`);
  } finally {
    await file.close();
  }
}

function nestsWithin(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((item) => nestsWithin(item, levels - 1));
}
