import type { RepositoryClient } from '../github/repository-api.ts';

/** What gathering a context needs of a repository: reads only. */
export type RepositoryReader = Pick<
  RepositoryClient,
  'branchHead' | 'tree' | 'readBlob' | 'issue' | 'comments' | 'pull' | 'pullFiles' | 'pullDiff' | 'permission'
>;

/** Blobs never change: whatever holds them may be shared by all repositories. */
export interface BlobCache {
  get(sha: string): Uint8Array | undefined;
  set(sha: string, bytes: Uint8Array): void;
}
