import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Logs too long to upload, and runs the app would not take, are kept for a person: the newest so many. */
const KEPT = 20;

/** Removes all but the newest entries of a directory, by default 20. */
export function keepNewest(path: string, kept = KEPT): void {
  const entries = readdirSync(path).map((name) => ({ name, at: statSync(join(path, name)).mtimeMs }));
  entries.sort((a, b) => b.at - a.at);
  for (const entry of entries.slice(kept)) rmSync(join(path, entry.name), { recursive: true, force: true });
}
