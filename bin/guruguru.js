#!/usr/bin/env node
// JavaScript on purpose: an old Node must be able to read this far and say what is wrong.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  console.error(
    `guruguru needs Node 22.19 or newer; this is ${process.versions.node}. Install a newer Node and run it again.`,
  );
  process.exit(1);
}
// A start takes half the time; where the folder cannot be written, nothing is lost. Not for the app: it stays, and
// what Node keeps for the cache takes 8 MB of its memory (measured).
if (process.argv[2] !== 'app') {
  const { enableCompileCache } = await import('node:module');
  const { homedir } = await import('node:os');
  const { join } = await import('node:path');
  enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'guruguru'));
}
const { existsSync } = await import('node:fs');
const built = new URL('../dist/cli.js', import.meta.url);
const { main } = await import(
  existsSync(built) ? built.href : new URL('../src/cli.ts', import.meta.url).href
);
await main(process.argv);
