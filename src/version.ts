import { readFileSync } from 'node:fs';

const packageJson: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

/** This package's version, from `src/` as from the compiled `dist/`. */
export const VERSION: string = (packageJson as { version: string }).version;
