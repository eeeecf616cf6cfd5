import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Reader, Tx } from './announce.ts';
import { writeAudit } from './audit.ts';
import type { TokenRow } from './tables.ts';

const PREFIX = 'ggr_';

/**
 * Makes a runner token for repositories named `owner/name`. The token itself is returned once and stored
 * only as its sha256 (it has 256 random bits, so a slow hash would protect nothing).
 */
export async function createToken(
  tx: Tx,
  name: string,
  repositories: readonly string[],
  now: number,
): Promise<{ id: string; token: string }> {
  const id = randomUUID();
  const token = PREFIX + randomBytes(32).toString('base64url');
  await tx
    .insertInto('tokens')
    .values({
      id,
      name,
      hash: sha256(token),
      repositories: JSON.stringify(repositories.map((repository) => repository.toLowerCase())),
      created_at: now,
      revoked_at: null,
    })
    .execute();
  await writeAudit(tx, {
    what: 'token_created',
    who: 'command line',
    subject: name,
    detail: { token: id, repositories },
  });
  return { id, token };
}

/** The token's row, unless it is unknown or revoked. */
export async function findToken(db: Reader, token: string): Promise<TokenRow | undefined> {
  const hash = sha256(token);
  const row = await db.selectFrom('tokens').selectAll().where('hash', '=', hash).executeTakeFirst();
  if (!row || row.revoked_at !== null) return undefined;
  return timingSafeEqual(Buffer.from(row.hash), Buffer.from(hash)) ? row : undefined;
}

/** Whether the token was known and is not to be used any more. */
export async function isRevoked(db: Reader, token: string): Promise<boolean> {
  const row = await db
    .selectFrom('tokens')
    .select('revoked_at')
    .where('hash', '=', sha256(token))
    .executeTakeFirst();
  return row !== undefined && row.revoked_at !== null;
}

/** From now on nothing is granted to it, nor to the calls that wait with it. */
export async function revokeToken(tx: Tx, id: string, now: number): Promise<void> {
  const revoked = await tx
    .updateTable('tokens')
    .set({ revoked_at: now })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .returning('name')
    .executeTakeFirst();
  if (revoked)
    await writeAudit(tx, {
      what: 'token_revoked',
      who: 'command line',
      subject: revoked.name,
      detail: { token: id },
    });
}

/** The same, by the token's id. */
export async function isIdRevoked(db: Reader, id: string): Promise<boolean> {
  const row = await db.selectFrom('tokens').select('revoked_at').where('id', '=', id).executeTakeFirst();
  return row !== undefined && row.revoked_at !== null;
}

/** When a runner last called with each token, by the token's id; runners of the last week are known. */
export async function lastUses(db: Reader): Promise<Map<string, number>> {
  const rows = await db
    .selectFrom('runners')
    .select((select) => ['token_id', select.fn.max('seen_at').as('at')])
    .groupBy('token_id')
    .execute();
  return new Map(rows.map((row) => [row.token_id, Number(row.at)]));
}

/** Oldest first, revoked ones too. */
export function listTokens(db: Reader): Promise<TokenRow[]> {
  return db.selectFrom('tokens').selectAll().orderBy('created_at').orderBy('id').execute();
}

/** The repositories a token covers, `owner/name` in lower case. */
export function tokenRepositories(row: Pick<TokenRow, 'repositories'>): string[] {
  return JSON.parse(row.repositories) as string[];
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
