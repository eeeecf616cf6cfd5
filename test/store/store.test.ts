import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { announce } from '../../src/store/announce.ts';
import { StoreLockedError, StoreUnavailableError, StoreVersionError } from '../../src/store/errors.ts';
import { openWriter } from '../../src/store/sqlite.ts';
import { openStore, type Store, type Tx } from '../../src/store/store.ts';
import { BACKENDS, emptyPlace } from '../support/backends.ts';
import { tempDir, tempStore } from '../support/store.ts';

const count = (tx: Tx, name: string, value = 1) =>
  tx.insertInto('counters').values({ name, value }).execute();

async function names(store: Store): Promise<string[]> {
  const rows = await store.db.selectFrom('counters').select('name').orderBy('name').execute();
  return rows.map((row) => row.name).filter((name) => name !== 'schema' && name !== 'fence');
}

describe.each(BACKENDS)('write on %s', (backend) => {
  it('resolves with what the function returns, and db sees it from then on', async () => {
    const store = await tempStore(await emptyPlace(backend));
    const result = await store.write(async (tx) => {
      await count(tx, 'a');
      return 42;
    });
    expect(result).toBe(42);
    expect(await names(store)).toEqual(['a']);
  });

  it('takes back only the write that throws, and rejects only its promise', async () => {
    const store = await tempStore(await emptyPlace(backend));
    const results = await Promise.allSettled([
      store.write((tx) => count(tx, 'a')),
      store.write(async (tx) => {
        await count(tx, 'b');
        throw new Error('no');
      }),
      store.write((tx) => count(tx, 'a')),
      store.write((tx) => count(tx, 'c')),
    ]);
    expect(results.map((result) => result.status)).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
      'fulfilled',
    ]);
    expect(results[1]).toMatchObject({ reason: { message: 'no' } });
    expect(await names(store)).toEqual(['a', 'c']);
  });

  it('lets writes of one group see one another, and db see none of them before the commit', async () => {
    const store = await tempStore(await emptyPlace(backend));
    let seenByDb: string[] = [];
    let seenByTx = 0;
    await Promise.all([
      store.write((tx) => count(tx, 'a')),
      store.write(async (tx) => {
        seenByDb = await names(store);
        seenByTx = (await tx.selectFrom('counters').selectAll().where('name', '=', 'a').execute()).length;
      }),
    ]);
    expect(seenByDb).toEqual([]);
    expect(seenByTx).toBe(1);
  });

  it('tells subscribers what committed writes announced, and not what was taken back', async () => {
    const store = await tempStore(await emptyPlace(backend));
    const heard: string[][] = [];
    store.subscribe((topics) => heard.push([...topics].sort()));
    await Promise.allSettled([
      store.write(async (tx) => announce(tx, 'x')),
      store.write(async (tx) => {
        announce(tx, 'y');
        throw new Error('no');
      }),
      store.write(async (tx) => announce(tx, 'z')),
    ]);
    expect(heard).toEqual([['x', 'z']]);
  });

  it('refuses write inside write, which would wait for itself', async () => {
    const store = await tempStore(await emptyPlace(backend));
    const nested = store.write(() => store.write((tx) => count(tx, 'a')));
    await expect(nested).rejects.toThrow('write() inside write()');
  });

  it('refuses writes after close, and ends those handed in before', async () => {
    const place = await emptyPlace(backend);
    const store = await openStore(place);
    const last = store.write((tx) => count(tx, 'a'));
    await store.close();
    await last;
    await expect(store.write((tx) => count(tx, 'b'))).rejects.toThrow(StoreUnavailableError);
    expect(await names(await tempStore(place))).toEqual(['a']);
  });
});

describe.each(BACKENDS)('openStore on %s', (backend) => {
  it('keeps what was written over a reopen, and never hands out a lower fence', async () => {
    const place = await emptyPlace(backend);
    const first = await openStore({ ...place, now: () => 5_000_000 });
    await first.write((tx) => count(tx, 'a'));
    await first.close();
    const second = await tempStore({ ...place, now: () => 9_000_000 });
    expect(await names(second)).toEqual(['a']);
    const fence = await second.db
      .selectFrom('counters')
      .select('value')
      .where('name', '=', 'fence')
      .execute();
    expect(fence).toEqual([{ value: 5_000 }]);
  });

  it('refuses a database newer than the program and leaves it as it was', async () => {
    const place = await emptyPlace(backend);
    const first = await openStore(place);
    await first.write((tx) =>
      tx.updateTable('counters').set({ value: 99 }).where('name', '=', 'schema').execute(),
    );
    await first.close();
    await expect(openStore(place)).rejects.toThrow(StoreVersionError);
    await expect(openStore(place)).rejects.toThrow(/version 99/);
  });

  it('opens after a kill -9 with all that was acknowledged', async () => {
    const place = await emptyPlace(backend);
    const child = spawn(
      process.execPath,
      [fileURLToPath(new URL('./write-for-ever.ts', import.meta.url)), JSON.stringify(place)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    onTestFinished(() => void child.kill('SIGKILL'));
    const acknowledged = await readUntil(child, 500);
    if (backend === 'sqlite') await expect(openStore(place)).rejects.toThrow(StoreLockedError);
    else await (await openStore(place)).close();
    child.kill('SIGKILL');
    await once(child, 'close');

    const kept = new Set(await names(await tempStore(place)));
    const all = acknowledged();
    expect(all.length).toBeGreaterThanOrEqual(500);
    expect(all.filter((name) => !kept.has(name))).toEqual([]);
  });
});

describe('on sqlite', () => {
  it('loads nothing of Postgres', () => {
    const store = JSON.stringify(new URL('../../src/store/store.ts', import.meta.url).href);
    const script = `
      import { createRequire } from 'node:module';
      const { openStore } = await import(${store});
      await (await openStore({ dataDir: ${JSON.stringify(tempDir())} })).close();
      const loaded = Object.keys(createRequire(${store}).cache);
      console.log(JSON.stringify(loaded.filter((path) => /node_modules.pg/.test(path))));`;
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect(JSON.parse(said)).toEqual([]);
  });

  it('rejects every write of the group with StoreUnavailableError when the database is locked from outside', async () => {
    const dataDir = tempDir();
    const store = await tempStore({ dataDir });
    const outside = openWriter(join(dataDir, 'guruguru.sqlite'));
    onTestFinished(() => outside.close());
    outside.exec('BEGIN IMMEDIATE');
    const results = await Promise.allSettled([
      store.write((tx) => count(tx, 'a')),
      store.write((tx) => count(tx, 'b')),
    ]);
    for (const result of results) expect(result).toMatchObject({ reason: expect.any(StoreUnavailableError) });
    outside.exec('ROLLBACK');
    await store.write((tx) => count(tx, 'c'));
    expect(await names(store)).toEqual(['c']);
  });

  it('refuses a second app on one directory, and lets a command in beside it', async () => {
    const dataDir = tempDir();
    const app = await tempStore({ dataDir });
    await expect(openStore({ dataDir })).rejects.toThrow(StoreLockedError);
    await expect(openStore({ dataDir })).rejects.toThrow(`${dataDir} is in use`);
    const command = await tempStore({ dataDir, exclusive: false });
    await command.write((tx) => count(tx, 'from the command'));
    expect(await names(app)).toEqual(['from the command']);
  });
});

/** Resolves once the child acknowledged `enough` writes; what it returns gives all it ever acknowledged. */
async function readUntil(
  child: ChildProcessByStdio<null, Readable, null>,
  enough: number,
): Promise<() => string[]> {
  let text = '';
  const whole = () =>
    text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter(Boolean);
  await new Promise<void>((resolve, reject) => {
    child.on('close', () => reject(new Error('the child ended by itself')));
    child.stdout.setEncoding('utf8').on('data', (data: string) => {
      text += data;
      if (whole().length >= enough) resolve();
    });
  });
  return whole;
}

it('closes the data directory to other users, and its files with it', async () => {
  const dataDir = join(tempDir(), 'data');
  await tempStore({ dataDir });
  expect(statSync(dataDir).mode & 0o777).toBe(0o700);
});
