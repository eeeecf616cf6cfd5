import { writeSync } from 'node:fs';
import { openStore } from '../../src/store/store.ts';

// Child process: prints the name of each write once it is acknowledged, until it is killed.
const store = await openStore({ dataDir: process.argv[2] ?? '' });
let next = 0;
async function writeOn(): Promise<void> {
  for (;;) {
    const name = `n${next++}`;
    await store.write((tx) => tx.insertInto('counters').values({ name, value: 1 }).execute());
    writeSync(1, `${name}\n`);
  }
}
await Promise.all(Array.from({ length: 16 }, writeOn));
