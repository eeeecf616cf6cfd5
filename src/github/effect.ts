/**
 * Every side effect on GitHub by name, with what it costs (budget.ts). GitHub does not define
 * "content-generating"; we count as such what makes something new that a person sees or is notified of.
 */
export const EFFECTS = {
  'reaction.create': 'write',
  'comment.create': 'content',
  'issue.create': 'content',
  'issue.update': 'write',
  'comment.update': 'write',
  'commit_comment.create': 'content',
  'blob.create': 'write',
  'tree.create': 'write',
  'commit.create': 'write',
  'ref.create': 'write',
  'ref.update': 'write',
  'pull.create': 'content',
  'pull.update': 'write',
  'pull.merge': 'content',
  'pull.enqueue': 'content',
  'check_run.create': 'content',
  'check_run.update': 'write',
} as const satisfies Record<string, 'write' | 'content'>;

export type EffectName = keyof typeof EFFECTS;

/** The one way every write takes, so that its boundaries can be enumerated. */
export function effect<T>(_name: EffectName, perform: () => Promise<T>): Promise<T> {
  return perform();
}
