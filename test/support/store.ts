import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openStore, type Store, type StoreOptions } from '../../src/store/store.ts';
import type { JobRow, RepositoryRow, RunRow } from '../../src/store/tables.ts';

/** A directory that goes away with the test. */
export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'guruguru-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A store of its own, closed with the test. */
export async function tempStore(options: Partial<StoreOptions> = {}): Promise<Store> {
  const store = await openStore({ dataDir: tempDir(), ...options });
  onTestFinished(() => store.close());
  return store;
}

export function repositoryRow(changes: Partial<RepositoryRow> = {}): RepositoryRow {
  return {
    id: 1,
    owner: 'Acme',
    name: 'Site',
    installation_id: 9,
    default_branch: 'main',
    state: 'active',
    settings_text: null,
    settings_read_at: 0,
    updated_at: 0,
    ...changes,
  };
}

export function jobRow(changes: Partial<JobRow> = {}): JobRow {
  return {
    repo_id: 1,
    id: '2025-11-22-001',
    state: 'queued',
    reason: 'admitted',
    file: '{}',
    digest: 'sha256:00',
    blob_sha: 'b'.repeat(40),
    head_sha: null,
    pr_number: null,
    ask_key: null,
    approval: null,
    runs_on: '[]',
    requires: '[]',
    touches: '[]',
    effect: 'read',
    concurrency: null,
    idempotent: 0,
    attempt: 0,
    lease_losses: 0,
    verdict: null,
    report_sha: null,
    queued_at: 1,
    created_at: 1,
    updated_at: 1,
    ...changes,
  };
}

export function runRow(changes: Partial<RunRow> = {}): RunRow {
  return {
    id: 'run-1',
    repo_id: 1,
    job_id: '2025-11-22-001',
    attempt: 1,
    state: 'running',
    fence: 1,
    runner: 'devbox',
    process: 'process-1',
    lease_expires_at: 60_000,
    seen_at: 0,
    started_at: 0,
    finished_at: null,
    cancelled_by: null,
    result: null,
    log_bytes: 0,
    ...changes,
  };
}
