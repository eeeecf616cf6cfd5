import type { AskRow, CommandRow, SourceKind } from '../store/tables.ts';
import { isCommandName, parseSlashLine } from './parse-command.ts';

/** A text a person wrote on GitHub, whatever its place. */
export interface Written {
  repoId: number;
  thread: number;
  onPull: boolean;
  source: SourceKind;
  sourceId: number;
  login: string;
  /** GitHub's account type; only `User` starts anything, and a `Bot` that the policy names asks. */
  accountType: string;
  text: string;
  /** Milliseconds since the epoch, GitHub's clock. */
  writtenAt: number;
  /** The text before an edit; undefined = not an edit. */
  before?: string;
}

export type Heard = { kind: 'ask'; row: AskRow } | { kind: 'command'; row: CommandRow };

/** GitHub allows 65,536 characters in a comment; a longer text can only come from a forged payload. */
const MAX_STORED_TEXT = 70_000;

/**
 * What a text starts, or null. The trigger word is configured per repository, so any unknown slash word is
 * kept as a possible ask and judged when the settings are at hand, which may name bots that ask.
 */
export function hear(written: Written, now: number): Heard | null {
  const bot = written.accountType === 'Bot';
  if (!bot && written.accountType !== 'User') return null;
  const slash = parseSlashLine(written.text);
  if (!slash) return null;
  if (written.before !== undefined && parseSlashLine(written.before)) return null;
  const common = {
    repo_id: written.repoId,
    thread: written.thread,
    on_pull: written.onPull ? (1 as const) : (0 as const),
    login: written.login,
    source_id: written.sourceId,
    created_at: now,
  };
  const place = `${written.repoId}:${written.source}${written.sourceId}`;
  const word = slash.word.slice(1);
  if (isCommandName(word)) {
    if (bot || written.before !== undefined) return null;
    return {
      kind: 'command',
      row: {
        ...common,
        key: `command:${place}`,
        name: word,
        args: slash.rest.slice(0, 2000),
        source: written.source,
        written_at: written.writtenAt,
        language: 'en',
        state: 'received',
        reply: null,
      },
    };
  }
  return {
    kind: 'ask',
    row: {
      ...common,
      key: `ask:${place}`,
      source: written.source,
      text: written.text.slice(0, MAX_STORED_TEXT),
      edited: written.before === undefined ? 0 : 1,
      language: 'en',
      state: 'received',
      reason: null,
      revision: 0,
      job_id: null,
      pr_number: null,
      data: JSON.stringify({ writtenAt: written.writtenAt, ...(bot ? { bot } : {}) }),
      updated_at: now,
    },
  };
}
