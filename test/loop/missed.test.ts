import { describe, expect, it } from 'vitest';
import type { DeliveryAttempt } from '../../src/github/app-reads.ts';
import type { TextHistory } from '../../src/github/changes.ts';
import { type FoundText, hearEdited, isFresh, pullMark } from '../../src/loop/missed.ts';
import { changesOf } from '../../src/loop/scan-installations.ts';
import { nextSince, OVERLAP_MS } from '../../src/loop/scan-repository.ts';
import { failedOf } from '../../src/loop/sweep-deliveries.ts';
import type { RepositoryRow } from '../../src/store/tables.ts';

const at = (minute: number) => new Date(Date.UTC(2026, 10, 22, 9, minute)).toISOString();
const ms = (minute: number) => Date.parse(at(minute));

describe('a text that was found', () => {
  const text = (createdAt: string, updatedAt = createdAt, body = '/ask list files'): FoundText => ({
    nodeId: 'n',
    createdAt,
    updatedAt,
    written: {
      repoId: 1,
      thread: 3,
      onPull: false,
      source: 'c',
      sourceId: 7,
      login: 'writer',
      accountType: 'User',
      text: body,
      writtenAt: Date.parse(createdAt),
    },
  });
  const history = (changes: Partial<TextHistory>): TextHistory => ({
    publishedAt: at(20),
    editedAt: null,
    editor: null,
    ...changes,
  });
  /** How it is heard: as it is, as an edit, or not at all. */
  const heard = (changes: Partial<TextHistory> | null, body?: string) => {
    const item = hearEdited(text(at(20), at(30), body), changes && history(changes), ms(15), ms(31));
    return item === null ? 'no' : item.kind === 'ask' && item.row.edited === 1 ? 'edit' : item.kind;
  };

  it('is surely as it was written only when it never changed', () => {
    expect(isFresh(text(at(20)), ms(15))).toBe(true);
    expect(isFresh(text(at(20), at(21)), ms(15))).toBe(false);
    expect(isFresh(text(at(10)), ms(15))).toBe(false);
  });

  it.each([
    ['never edited', {}, 'ask'],
    ['a draft of a review, written before', { publishedAt: at(20) }, 'ask'],
    ['edited by its writer', { editedAt: at(25), editor: 'writer' }, 'ask'],
    ['edited by somebody else', { editedAt: at(25), editor: 'octo' }, 'edit'],
    ['edited by an account that is gone', { editedAt: at(25), editor: null }, 'edit'],
    ['old, and edited by its writer now', { publishedAt: at(1), editedAt: at(25), editor: 'writer' }, 'edit'],
    ['old, and edited long ago', { publishedAt: at(1), editedAt: at(2), editor: 'writer' }, 'no'],
    ['old, and never edited', { publishedAt: at(1) }, 'no'],
    ['deleted meanwhile', null, 'no'],
  ])('%s', (_, changes, how) => {
    expect(heard(changes)).toBe(how);
  });

  it('a command that somebody else put there is none', () => {
    const forged = { editedAt: at(25), editor: 'octo' };
    expect(heard(forged, '/approve')).toBe('no');
    expect(heard({ editedAt: at(25), editor: 'writer' }, '/approve')).toBe('command');
  });
});

describe('a pull request is looked at again', () => {
  const seen = { number: 5, open: true, merged: false, headSha: 'a', updatedAt: at(1) };

  it('of ours: whenever it changes, until it is settled', () => {
    const mark = pullMark(seen, {});
    expect(mark).not.toBeNull();
    expect(pullMark({ ...seen, updatedAt: at(2) }, {})).not.toBe(mark);
    expect(pullMark({ ...seen, headSha: 'b' }, {})).not.toBe(mark);
    expect(pullMark({ ...seen, open: false }, {})).not.toBe(mark);
    // The list of issues does not tell the head: then it is the one we know.
    expect(pullMark({ ...seen, headSha: null }, { headSha: 'a' })).toBe(pullMark(seen, { headSha: 'a' }));
    expect(pullMark(seen, { settled: 'merged' })).toBeNull();
    expect(pullMark({ ...seen, open: false }, { settled: 'rejected' })).toBeNull();
    expect(pullMark(seen, { settled: 'rejected' })).not.toBeNull();
  });

  it('of others: once for every head, and once when it was merged', () => {
    expect(pullMark({ ...seen, updatedAt: at(2) }, null)).toBe(pullMark(seen, null));
    expect(pullMark({ ...seen, headSha: 'b' }, null)).not.toBe(pullMark(seen, null));
    expect(pullMark({ ...seen, open: false, headSha: null }, null)).toBeNull();
    expect(pullMark({ ...seen, open: false, merged: true, headSha: null }, null)).not.toBeNull();
  });
});

describe('the cursor', () => {
  const list = (minutes: number[], changes: { truncated?: boolean; at?: number } = {}) => ({
    items: minutes.map((minute) => ({ updatedAt: at(minute) })),
    truncated: false,
    at: ms(minutes.at(-1) ?? 0),
    ...changes,
  });

  it('stands still for small changes, and moves in steps with an overlap', () => {
    expect(nextSince(ms(0), [list([1, 2, 11])])).toBe(ms(0));
    expect(nextSince(ms(0), [list([1]), list([20])])).toBe(ms(20) - OVERLAP_MS);
  });

  it('moves when a list grows long, but never back', () => {
    const long = list(Array.from({ length: 60 }, () => 5));
    expect(nextSince(ms(0), [long])).toBe(ms(5) - OVERLAP_MS);
    expect(nextSince(ms(4), [long])).toBe(ms(4));
  });

  it('goes on where a list was cut, not where another one ends', () => {
    expect(nextSince(ms(0), [list([3, 9], { truncated: true }), list([50])])).toBe(ms(9));
  });

  it('follows GitHub’s clock in a quiet repository, and no other', () => {
    const day = 25 * 3_600_000;
    expect(nextSince(ms(0), [list([], { at: ms(0) + day })])).toBe(ms(0) + day - 3_600_000);
    expect(nextSince(ms(0), [list([], { at: 0 })])).toBe(ms(0));
  });
});

describe('deliveries', () => {
  it('count as failed only when no attempt arrived; the oldest first', () => {
    const attempt = (id: string, guid: string, arrived: boolean): DeliveryAttempt => ({
      id,
      guid,
      at: 0,
      event: 'push',
      action: null,
      arrived,
    });
    const newestFirst = [
      attempt('5', 'b', true),
      attempt('4', 'c', false),
      attempt('3', 'b', false),
      attempt('2', 'a', false),
      attempt('1', 'a', false),
    ];
    expect(failedOf(newestFirst).map(({ guid }) => guid)).toEqual(['a', 'c']);
  });
});

describe('the repositories of an installation', () => {
  const shown = { id: 4, owner: 'octo', name: 'hello', defaultBranch: 'main', archived: false };
  const row: RepositoryRow = {
    id: 4,
    owner: 'octo',
    name: 'hello',
    installation_id: 77,
    default_branch: 'main',
    state: 'active',
    settings_text: null,
    settings_read_at: 0,
    updated_at: 0,
  };
  const due = (changes: Partial<typeof shown>, rows = [row]) =>
    changesOf(77, new Map([[4, { ...shown, ...changes }]]), rows).map((change) => change.due);

  it('are compared with the rows', () => {
    expect(due({})).toEqual([]);
    expect(due({}, [])).toEqual([[]]);
    expect(due({ defaultBranch: 'trunk' })).toEqual([[{ kind: 'work', key: 'repo:4' }]]);
    expect(due({ archived: true })).toEqual([[{ kind: 'work', key: 'repo:4' }]]);
    // The old name is told where asks are open.
    expect(due({ name: 'bye' })).toEqual([[{ kind: 'work', key: 'repo:4:octo/hello' }]]);
    expect(due({}, [{ ...row, state: 'gone' }])).toHaveLength(1);
  });
});
