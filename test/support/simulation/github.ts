import type { RepositoryClient } from '../../../src/github/repository-client.ts';
import type { CommitFiles } from '../../../src/github/types.ts';
import type { World } from './world.ts';

/** The one branch that reports are committed to. A commit takes time, and its answer may be lost. */
export interface GitHub {
  files: Map<string, string>;
  client(owner: { dead: boolean }): RepositoryClient;
}

export function createGitHub(world: World): GitHub {
  const files = new Map<string, string>();
  const { random, timeline } = world;
  const pass = (ms: number) => new Promise<void>((go) => timeline.at(ms, () => go()));
  let commits = 0;
  const head = () => `${commits}`.padStart(40, '0');

  async function commit(request: CommitFiles) {
    const view = {
      headSha: head(),
      readFile: async (path: string) => {
        const text = files.get(path);
        return text === undefined ? null : { text, bytes: Buffer.from(text), blobSha: '' };
      },
    };
    const there = await request.alreadyThere?.(view);
    if (there) return { kind: 'nothing' as const, headSha: there };
    const changes = typeof request.files === 'function' ? await request.files(view) : request.files;
    await pass(random.whole(10, 4_000));
    if (random.chance(world.faults.githubFails / 2)) throw new Error('GitHub answered 502');
    // GitHub takes a commit only onto the head it was made on; its caller tries again.
    if (view.headSha !== head()) throw new Error('GitHub answered 409: the branch has moved');
    commits += 1;
    for (const { path, content } of changes ?? []) {
      if (content === null) files.delete(path);
      else files.set(path, content.toString());
    }
    if (random.chance(world.faults.githubFails / 2)) throw new Error('GitHub answered 502 after it landed');
    return { kind: 'committed' as const, sha: head(), adopted: false };
  }

  return {
    files,
    client(owner) {
      const client: Pick<RepositoryClient, 'commitFiles'> = {
        commitFiles: async (request) => {
          const outcome = await commit(request).catch((error: unknown) =>
            owner.dead ? forever : Promise.reject(error),
          );
          return owner.dead ? forever : outcome;
        },
      };
      return client as RepositoryClient;
    },
  };
}

const forever = new Promise<never>(() => {});
