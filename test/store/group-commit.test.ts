import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { StoreUnavailableError } from '../../src/store/errors.ts';
import { createGroupCommit } from '../../src/store/group-commit.ts';
import { migrate } from '../../src/store/migrations.ts';
import { openWriter, sqliteWriter } from '../../src/store/sqlite.ts';
import { tempDir } from '../support/store.ts';

async function openGroup() {
  const database = openWriter(join(tempDir(), 'guruguru.sqlite'));
  onTestFinished(() => database.close());
  const writer = sqliteWriter(database);
  await migrate(writer.tx, 0);
  return {
    database,
    group: createGroupCommit(
      writer,
      () => 0,
      () => {},
    ),
  };
}

it('says StoreUnavailableError when the disk is full, and works again when it is not', async () => {
  const { database, group } = await openGroup();
  database.exec('PRAGMA max_page_count = 1');
  const big = 'x'.repeat(1_000_000);
  const full = group.write((tx) => tx.insertInto('counters').values({ name: big, value: 1 }).execute());
  await expect(full).rejects.toThrow(StoreUnavailableError);
  await expect(full).rejects.toThrow('full');
  database.exec('PRAGMA max_page_count = 100000');
  await group.write((tx) => tx.insertInto('counters').values({ name: big, value: 1 }).execute());
});

it('commits a flood in several groups, in order', async () => {
  const { database, group } = await openGroup();
  const names = Array.from({ length: 1_000 }, (_, n) => `n${n}`);
  expect(group.pending()).toBe(0);
  const writes = names.map((name) =>
    group.write((tx) => tx.insertInto('counters').values({ name, value: 1 }).execute()),
  );
  expect(group.pending()).toBe(1_000);
  await Promise.all(writes);
  expect(group.pending()).toBe(0);
  const rows = database.prepare("SELECT name FROM counters WHERE name LIKE 'n%' ORDER BY rowid").all();
  expect(rows.map((row) => row.name)).toEqual(names);
});
