import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** What a job may write to the file named by `GURUGURU_REPORT`. */
export const JOB_REPORT_MAX_BYTES = 65_536;

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
    return { value: JSON.parse(redact(text)), note: null };
  } catch (error) {
    return ignored(`it is not JSON (${error instanceof Error ? redact(error.message) : 'unreadable'})`);
  } finally {
    await file.close();
  }
}
