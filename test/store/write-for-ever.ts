import { writeSync } from 'node:fs';
import { openStore, type StorePlace } from '../../src/store/store.ts';

// Child process: prints the name of each write once it is acknowledged, until it is killed.
const store = await openStore(JSON.parse(process.argv[2] ?? '') as StorePlace);
let next = 0;
async function writeOn(): Promise<void> {
  for (;;) {
    const name = `n${next++}`;
    await store.write((tx) => tx.insertInto('counters').values({ name, value: 1 }).execute());
    writeSync(1, `${name}\n`);
  }
}
await Promise.all(Array.from({ length: 16 }, writeOn));
