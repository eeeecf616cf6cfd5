import { randomUUID } from 'node:crypto';
import { announce, type Reader, type Tx, writeTime } from './announce.ts';
import type { Store } from './store.ts';
import type { AuditRow } from './tables.ts';

/** What is given to somebody or something: the closed list of what the audit tells. */
export type Granted =
  | 'token_created'
  | 'token_revoked'
  | 'lease_granted'
  | 'approval_accepted'
  | 'policy_overridden'
  | 'merged'
  | 'job_admitted'
  | 'schedule_admitted'
  | 'schedule_removed'
  | 'goal_approved'
  | 'retry_granted'
  | 'settings_applied'
  | 'paused'
  | 'resumed';

export interface Grant {
  what: Granted;
  /** A login, a runner, or `command line`. */
  who: string;
  /** A job, a PR, a token's name. */
  subject: string;
  repoId?: number;
  /** Ids, SHAs and digests; never a secret. */
  detail?: Record<string, string | number | boolean | null | readonly string[]>;
}

const TOPIC = 'audit:';

/** Writes a grant down in the transaction that gives it: neither is there without the other. */
export async function writeAudit(tx: Tx, grant: Grant): Promise<void> {
  const row: AuditRow = {
    id: randomUUID(),
    at: writeTime(tx),
    what: grant.what,
    who: grant.who,
    subject: grant.subject,
    repo_id: grant.repoId ?? null,
    detail: JSON.stringify(grant.detail ?? {}),
  };
  await tx.insertInto('audit').values(row).execute();
  announce(tx, TOPIC + JSON.stringify(row));
}

/** The newest first, at most `limit`. */
export function listAudit(db: Reader, limit: number): Promise<AuditRow[]> {
  return db.selectFrom('audit').selectAll().orderBy('at', 'desc').orderBy('id').limit(limit).execute();
}

/** Calls `tell` with each grant of this process once it is committed. Returns how to stop. */
export function hearAudit(
  store: Pick<Store, 'subscribe'>,
  tell: (grant: Omit<AuditRow, 'detail'> & { detail: unknown }) => void,
): () => void {
  return store.subscribe((topics) => {
    for (const topic of topics) {
      if (!topic.startsWith(TOPIC)) continue;
      const row = JSON.parse(topic.slice(TOPIC.length)) as AuditRow;
      tell({ ...row, detail: JSON.parse(row.detail) });
    }
  });
}
