import type { Environment } from './job-environment.ts';

const SECRET_NAME =
  /(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|PWD|APIKEY|API_KEY|ACCESS_KEY|PRIVATE_KEY|SIGNING_KEY|ENCRYPTION_KEY|CREDENTIALS?|COOKIE|PAT|AUTH)(?:$|_)|(?:_KEY|KEY_BASE64|_DSN|DATABASE_URL)$/i;
/** Names that match above and hold no secret. */
const OPEN_NAME =
  /^(?:PWD|OLDPWD|SSH_AUTH_SOCK)$|_(?:PATH|FILE|DIR|SOCK|NAME|URL|TYPE|METHOD|ID|TTL|EXPIRY)$/i;
/** A shorter one might be a word that every log is full of. */
const MIN = 8;

/**
 * Values in the runner's own environment that no log may show, judged by the names of the variables: its
 * token, and what was meant for some other tool. Paths, plain words and numbers are left alone.
 */
export function knownSecrets(environment: Environment): string[] {
  const found = Object.entries(environment).flatMap(([name, value = '']) => {
    const text = value.trim();
    if (!SECRET_NAME.test(name) || (OPEN_NAME.test(name) && !/DATABASE_URL$/i.test(name))) return [];
    if (text.length < MIN || /^(?:[a-z_-]+|[A-Z_-]+|[\d.]+)$/.test(text)) return [];
    if (/^(?:\/|~\/|\.{1,2}\/)[^\s]*$/.test(text) && text.includes('/', 1)) return [];
    return [value];
  });
  return [...new Set(found)];
}
