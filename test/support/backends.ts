import { inject } from 'vitest';
import type { StorePlace } from '../../src/store/store.ts';
import { createDatabase } from './postgres.ts';
import { tempDir } from './store.ts';

/** For `describe.each`: what holds on one database holds on the other. */
export const BACKENDS = ['sqlite', 'postgres'] as const;
export type BackendName = (typeof BACKENDS)[number];

/** An empty database; several stores may be opened on it, on SQLite one after another. */
export async function emptyPlace(backend: BackendName): Promise<StorePlace> {
  const dataDir = tempDir();
  return backend === 'sqlite' ? { dataDir } : { dataDir, databaseUrl: await postgresDatabase() };
}

/** An empty database on the Postgres server of this test run. */
export async function postgresDatabase(): Promise<string> {
  const answer = await fetch(inject('postgresDoor'));
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return createDatabase(Number(text));
}
