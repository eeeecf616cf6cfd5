import type { Scope } from '../github/scope.ts';
import type { Grant } from '../store/audit.ts';
import type { Approval } from '../store/row-data.ts';

/** Whose yes to which head, as the audit tells it. */
export function approvalGrant(
  scope: Pick<Scope, 'repo'>,
  number: number,
  { login, how, sha }: Approval,
): Omit<Grant, 'what'> {
  return { who: login, subject: `#${number}`, repoId: scope.repo.id, detail: { how, sha } };
}
