import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A file or folder of this package, from `src/cli/` as from `dist/src/cli/`. */
export function packageFile(name: string): string {
  const near = fileURLToPath(new URL(`../../${name}`, import.meta.url));
  return existsSync(near) ? near : fileURLToPath(new URL(`../../../${name}`, import.meta.url));
}
