import type { Scope } from '../github/scope.ts';
import type { CommitFiles, CommitOutcome } from '../github/types.ts';

/** Where records go when the default branch refuses the app and the settings name no branch. */
export const FALLBACK_REPORTS_BRANCH = 'guruguru-reports';

/** Where else than on the default branch a record may stand; null: nowhere. */
export async function reportsBranch(scope: Scope): Promise<string | null> {
  const named = scope.settings.reports.branch;
  if (named) return named;
  const head = await scope.client.branchHead(FALLBACK_REPORTS_BRANCH, scope.signal);
  return head ? FALLBACK_REPORTS_BRANCH : null;
}

/**
 * Commits where reports go: to the branch that the settings name, else to the default branch, and where that
 * refuses the app, to the branch for that.
 * @throws Error when GitHub refuses it there too, or takes it for a secret
 */
export async function writeReports(
  scope: Scope,
  commit: (branch: string) => CommitFiles,
): Promise<Exclude<CommitOutcome, { kind: 'refused' | 'secret_blocked' }>> {
  const own = scope.settings.reports.branch;
  let branch = own ?? scope.repo.default_branch;
  let outcome = await scope.client.commitFiles(commit(branch), scope.signal);
  if (outcome.kind === 'refused' && !own) {
    branch = FALLBACK_REPORTS_BRANCH;
    await ensureReportsBranch(scope, branch);
    outcome = await scope.client.commitFiles(commit(branch), scope.signal);
  }
  if (outcome.kind === 'refused' || outcome.kind === 'secret_blocked')
    throw new Error(`${branch} refuses a report: ${outcome.message}`);
  return outcome;
}

export async function ensureReportsBranch(scope: Scope, branch: string): Promise<void> {
  const base = await scope.client.branchHead(scope.repo.default_branch, scope.signal);
  if (!base || (await scope.client.branchHead(branch, scope.signal))) return;
  await scope.client.ensureBranchCommit(
    { branch, base, files: [], message: 'Start the branch for guruguru reports' },
    scope.signal,
  );
}
