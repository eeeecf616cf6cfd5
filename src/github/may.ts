import type { PersonRule } from '../job/policy-settings.ts';
import type { Scope } from './scope.ts';
import type { Permission } from './types.ts';

/** Whether a person may do something, by what GitHub says of them now. */
export type May =
  | { may: true; permission: Permission }
  /** `team_unreadable`: the app may not look into the teams, so nobody is taken for a member. */
  | { may: false; why: 'permission' | 'team' | 'team_unreadable'; permission: Permission };

/**
 * Write permission at least, whatever the rule says, by the collaborator-permission API; then what the rule
 * adds: maintain or admin, and membership in one of its teams.
 */
export async function mayAct(
  scope: Pick<Scope, 'client' | 'signal'>,
  login: string,
  rule: PersonRule,
): Promise<May> {
  const { client, signal } = scope;
  const permission = await client.permission(login, signal);
  const enough =
    permission === 'admin' ||
    (permission === 'write' &&
      (rule.permission === 'write' ||
        (rule.permission === 'maintain' && (await client.maintains(login, signal)))));
  if (!enough) return { may: false, why: 'permission', permission };
  if (rule.teams.length === 0) return { may: true, permission };
  let unreadable = false;
  for (const team of rule.teams) {
    const membership = await client.membership(team, login, signal);
    if (membership === 'member') return { may: true, permission };
    unreadable ||= membership === 'unreadable';
  }
  return { may: false, why: unreadable ? 'team_unreadable' : 'team', permission };
}
