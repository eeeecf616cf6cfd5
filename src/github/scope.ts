import type { Finding } from '../job/finding.ts';
import type { Settings } from '../job/settings.ts';
import type { Store } from '../store/store.ts';
import type { PauseRow, RepositoryRow } from '../store/tables.ts';
import type { RepositoryClient } from './repository-client.ts';

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Who stopped it: `/pause` of a person, the settings file, or the app's environment; since when (ms). */
export type Paused = Pick<PauseRow, 'source' | 'login' | 'at'>;

/** What an effect on one repository works with; made anew for every work item. */
export interface Scope {
  store: Store;
  client: RepositoryClient;
  repo: RepositoryRow;
  settings: Settings;
  /** Mistakes in the settings file; the defaults are in force then. */
  settingsFindings: Finding[];
  /** Somebody stopped the repository, or the app: nothing is planned, merged or leased. */
  paused: Paused | null;
  /** `https://github.com` or the Enterprise server's. */
  webUrl: string;
  /** Aborted at shutdown. */
  signal: AbortSignal;
  log: Log;
  now: () => number;
}

export function repositoryUrl(scope: Pick<Scope, 'webUrl' | 'repo'>): string {
  return `${scope.webUrl}/${scope.repo.owner}/${scope.repo.name}`;
}
