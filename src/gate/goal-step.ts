/** The branch of a goal's n-th job, from 1. */
export function stepBranch(goalId: string, number: number): string {
  return `guruguru/step-${goalId}-${number}`;
}

/** Also where somebody was first and the name has a piece of a digest after it. */
export function isStepBranch(branch: string, goalId: string, number: number): boolean {
  const name = stepBranch(goalId, number);
  return (
    branch === name || (branch.startsWith(`${name}-`) && /^-[0-9a-f]{8}$/.test(branch.slice(name.length)))
  );
}
