/** What a policy wants of people, as messages put it into words. */
export interface Needs {
  permission: 'write' | 'maintain' | 'admin';
  teams: readonly string[];
  /** People who must approve; absent where it is about one person. */
  count?: number;
  /** False: who asked may not approve. */
  own?: boolean;
  /** The app may not look into the teams. */
  unreadable?: boolean;
}

/** What the policy wants beyond write permission of one person; null = nothing. */
export function extraNeeds(rule: Needs): Needs | null {
  const plain = rule.permission === 'write' && rule.teams.length === 0;
  return plain && (rule.count ?? 1) === 1 && rule.own !== false ? null : rule;
}
