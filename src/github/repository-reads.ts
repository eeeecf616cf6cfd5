import { orNull, type RepositoryContext, read } from './call-github.ts';
import { isGitHubError } from './errors.ts';
import { readBranch } from './git-data.ts';
import { toPullFile } from './pull-reads.ts';
import type { RepositoryClient } from './repository-api.ts';
import type { MergeMethod, Permission } from './types.ts';

type RepositoryReads = Pick<
  RepositoryClient,
  | 'getRepository'
  | 'permission'
  | 'maintains'
  | 'membership'
  | 'readFile'
  | 'branchHead'
  | 'tree'
  | 'readBlob'
  | 'compare'
  | 'matchingRefs'
>;

export function createRepositoryReads(context: RepositoryContext): RepositoryReads {
  const { rest } = context.octokit;

  async function readBlob(sha: string, signal: AbortSignal): Promise<Uint8Array> {
    const { data } = await read(context, signal, (base) => rest.git.getBlob({ ...base, file_sha: sha }));
    return Buffer.from(data.content, 'base64');
  }

  async function collaborator(login: string, signal: AbortSignal) {
    const answer = await orNull(
      read(context, signal, (base) =>
        rest.repos.getCollaboratorPermissionLevel({ ...base, username: login }),
      ),
    );
    return answer?.data;
  }

  return {
    readBlob,

    async getRepository(signal) {
      const { data, headers } = await read(context, signal, (base) => rest.repos.get(base));
      // Absent where the app may not see them; GitHub's default allows all three.
      const allowed: [MergeMethod, boolean | undefined][] = [
        ['merge', data.allow_merge_commit],
        ['squash', data.allow_squash_merge],
        ['rebase', data.allow_rebase_merge],
      ];
      return {
        id: Number(data.id),
        fullName: data.full_name,
        owner: data.owner.login,
        name: data.name,
        ownerType: data.owner.type === 'Organization' ? 'Organization' : 'User',
        defaultBranch: data.default_branch,
        archived: data.archived,
        private: data.private,
        mergeMethods: allowed.filter(([, is]) => is !== false).map(([method]) => method),
        readAt: Date.parse(headers.date ?? '') || Date.now(),
      };
    },

    async permission(login, signal) {
      return toPermission((await collaborator(login, signal))?.permission);
    },

    async maintains(login, signal) {
      const found = await collaborator(login, signal);
      // `permission` calls it write; the flags say it of a custom role too.
      return found?.permission === 'admin' || found?.user?.permissions?.maintain === true;
    },

    async membership(team, login, signal) {
      try {
        const { data } = await read(context, signal, ({ owner, request }) =>
          rest.teams.getMembershipForUserInOrg({ org: owner, team_slug: team, username: login, request }),
        );
        return data.state === 'active' ? 'member' : 'no';
      } catch (error) {
        if (isGitHubError(error, 'not_found')) return 'no';
        if (isGitHubError(error, 'forbidden')) return 'unreadable';
        throw error;
      }
    },

    async readFile(path, ref, signal) {
      const answer = await orNull(
        read(context, signal, (base) => rest.repos.getContent({ ...base, path, ref })),
      );
      if (!answer || Array.isArray(answer.data) || answer.data.type !== 'file') return null;
      const file = answer.data;
      // GitHub leaves the content out above 1 MB and says so by the encoding `none`.
      const bytes =
        file.encoding === 'base64' ? Buffer.from(file.content, 'base64') : await readBlob(file.sha, signal);
      return { text: new TextDecoder().decode(bytes), bytes, blobSha: file.sha };
    },

    branchHead: async (branch, signal) => (await readBranch(context, branch, signal))?.sha ?? null,

    async tree(ref, options, signal) {
      const { data } = await read(context, signal, (base) =>
        rest.git.getTree({ ...base, tree_sha: ref, ...(options.recursive ? { recursive: '1' } : {}) }),
      );
      const entries = data.tree.map((entry) => ({
        path: entry.path,
        sha: entry.sha,
        size: entry.size ?? 0,
        type: toEntryType(entry.type),
        mode: entry.mode,
      }));
      return { entries, truncated: data.truncated };
    },

    async compare(from, to, signal) {
      const { data } = await read(context, signal, (base) =>
        rest.repos.compareCommitsWithBasehead({ ...base, basehead: `${from}...${to}` }),
      );
      return {
        status: data.status,
        aheadBy: data.ahead_by,
        behindBy: data.behind_by,
        mergeBaseSha: data.merge_base_commit.sha,
        files: (data.files ?? []).map(toPullFile),
      };
    },

    async matchingRefs(prefix, signal) {
      try {
        const { data } = await read(context, signal, (base) =>
          rest.git.listMatchingRefs({ ...base, ref: `heads/${prefix}` }),
        );
        return data.map((ref) => ({ branch: ref.ref.replace(/^refs\/heads\//, ''), sha: ref.object.sha }));
      } catch (error) {
        // An empty repository has no refs and says so by 409.
        if (isGitHubError(error, 'conflict', 'not_found')) return [];
        throw error;
      }
    },
  };
}

function toPermission(permission: string | undefined): Permission {
  switch (permission) {
    case 'admin':
    case 'write':
    case 'read':
      return permission;
    default:
      return 'none';
  }
}

function toEntryType(type: string): 'blob' | 'tree' | 'commit' {
  return type === 'tree' || type === 'commit' ? type : 'blob';
}
