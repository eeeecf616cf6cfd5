import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GitHubServer } from '../test/support/github/start-github.ts';
import type { ModelServer } from '../test/support/model.ts';
import type { Violation } from './promises.ts';

/** Where the secret of the jobs got to, in any form. Whatever the app ever sent is looked at, edited or not. */
export async function findLeaks(
  secret: string,
  places: { github: GitHubServer; model: ModelServer; folders: readonly string[] },
): Promise<Violation[]> {
  const needles = formsOf(secret);
  const found: Violation[] = [];
  const look = (what: string, text: string) => {
    for (const [form, needle] of needles)
      if (text.includes(needle)) found.push({ kind: 'leak', what, seen: `the secret, ${form}` });
  };
  for (const request of places.github.requests) {
    if (request.actor === 'user' || request.body === undefined) continue;
    const text = JSON.stringify(request.body);
    look(`${request.method} ${request.path}`, text);
    const content = (request.body as { content?: unknown }).content;
    if (typeof content === 'string')
      look(`${request.method} ${request.path}, decoded`, Buffer.from(content, 'base64').toString());
  }
  for (const request of places.model.requests) look('a prompt', JSON.stringify(request.body));
  for (const folder of places.folders) {
    for (const entry of await entriesOf(folder)) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      look(path, await readFile(path, 'latin1'));
    }
  }
  return found;
}

/** Of a folder that may not be: on Postgres the app keeps no data there. */
async function entriesOf(folder: string) {
  return existsSync(folder) ? readdir(folder, { recursive: true, withFileTypes: true }) : [];
}

/** The secret as it may be spelt. */
export function formsOf(secret: string): [form: string, needle: string][] {
  const bytes = Buffer.from(secret);
  const offsets = [0, 1, 2].map((offset): [string, string] => {
    // The first and last characters depend on what stands around it.
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    return [`in base64 at offset ${offset}`, encoded.slice(offset === 0 ? 0 : 4, -4)];
  });
  return [
    ['plain', secret],
    ['as in a URL', encodeURIComponent(secret)],
    ['as in JSON', JSON.stringify(secret).slice(1, -1)],
    ...offsets,
  ];
}
