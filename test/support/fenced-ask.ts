import type { Loop } from './loop.ts';

/** Where an ask stands: the ids of its issue and its comment. */
export interface Asked {
  thread: number;
  comment: number;
}

/** A new issue with a fenced ask by the owner: it needs no model and merges itself. */
export async function fencedAsk(loop: Loop, ...lines: string[]): Promise<Asked> {
  const thread = await loop.github.as('octo').openIssue({ title: lines[0] ?? 'Ask' });
  const text = `/ask\n\`\`\`sh\n${lines.join('\n')}\n\`\`\``;
  return { thread, comment: (await loop.github.as('octo').comment(thread, text)).id };
}
