import { fileURLToPath } from 'node:url';

/** A file or folder of this package, from `src/cli/` as from the compiled `dist/cli/`. */
export function packageFile(name: string): string {
  return fileURLToPath(new URL(`../../${name}`, import.meta.url));
}
