import { existsSync } from 'node:fs';
import { loadEnvFile } from 'node:process';
import { ConfigError, type Environment, parseStorePlace } from '../config.ts';
import { listAudit } from '../store/audit.ts';
import { openStore, type Store } from '../store/store.ts';
import type { TokenRow } from '../store/tables.ts';
import { createToken, lastUses, listTokens, revokeToken, tokenRepositories } from '../store/tokens.ts';

/** Works beside a running app. */
async function withStore<T>(environment: Environment, work: (store: Store) => Promise<T>): Promise<T> {
  if (existsSync('.env')) loadEnvFile('.env');
  const store = await openStore({ ...parseStorePlace(environment), exclusive: false });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** The token alone on the last line of stdout; everything else goes to stderr. */
export async function tokenCreateCommand(
  environment: Environment,
  name: string,
  repositories: string[],
): Promise<void> {
  const { token } = await withStore(environment, (store) =>
    store.write((tx) => createToken(tx, name, repositories, store.now())),
  );
  console.error(
    `Token for ${name}, good for ${repositories.join(', ')}. It is shown once: give it to the runner as GURUGURU_RUNNER_TOKEN.`,
  );
  console.log(token);
}

/** One line a token, the oldest first; never the token itself, which nobody knows any more. */
export async function tokenListCommand(environment: Environment): Promise<void> {
  const lines = await withStore(environment, async ({ db }) => {
    const uses = await lastUses(db);
    return (await listTokens(db)).map((row) => [
      row.id.slice(0, 8),
      row.name,
      tokenRepositories(row).join(','),
      day(row.created_at),
      day(uses.get(row.id)),
      row.revoked_at === null ? 'valid' : `revoked ${day(row.revoked_at)}`,
    ]);
  });
  if (lines.length === 0)
    console.error('No tokens yet. Make one: guruguru token create NAME --repo owner/name');
  else console.log(table([['ID', 'NAME', 'REPOSITORIES', 'CREATED', 'LAST USED', 'STATE'], ...lines]));
}

/** @throws ConfigError when the words name no valid token, or several */
export async function tokenRevokeCommand(environment: Environment, nameOrId: string): Promise<void> {
  const revoked = await withStore(environment, async (store) => {
    const row = oneToken(await listTokens(store.db), nameOrId);
    await store.write((tx) => revokeToken(tx, row.id, store.now()));
    return row;
  });
  console.log(
    `Revoked ${revoked.name} (${revoked.id.slice(0, 8)}). Its runners get nothing from now on; a job one of them ` +
      'has started goes on, and its result is delivered once the runner has another token.',
  );
}

function oneToken(rows: TokenRow[], nameOrId: string): TokenRow {
  const named = rows.filter((row) => row.name === nameOrId || row.id.startsWith(nameOrId));
  const valid = named.filter((row) => row.revoked_at === null);
  const [row, other] = valid;
  if (row && !other) return row;
  if (row)
    throw new ConfigError([
      `${nameOrId}: several tokens have this name; give the id of one: ${valid.map(({ id }) => id.slice(0, 8)).join(', ')}`,
    ]);
  throw new ConfigError([
    named.length > 0
      ? `${nameOrId}: is revoked already`
      : `${nameOrId}: no token has this name or id; guruguru token list shows them`,
  ]);
}

/** Grants, the newest first, one JSON object a line. */
export async function auditCommand(environment: Environment, limit: number): Promise<void> {
  const rows = await withStore(environment, ({ db }) => listAudit(db, limit));
  for (const { detail, at, id: _, ...row } of rows)
    console.log(JSON.stringify({ at: new Date(at).toISOString(), ...row, detail: JSON.parse(detail) }));
}

function day(at: number | undefined): string {
  return at === undefined ? '-' : new Date(at).toISOString().slice(0, 16).replace('T', ' ');
}

function table(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
