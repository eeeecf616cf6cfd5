import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../../src/job/secrets/redact.ts';
import { redactPublished } from '../../../src/job/secrets/redact-published.ts';

const WORD = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const HEX = '0123456789abcdef';

/** The same numbers in every run, so that a failure can be looked at again. */
function random(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

type Random = (limit: number) => number;
const letters = (r: Random, count: number, of = WORD) =>
  Array.from({ length: count }, () => of[r(of.length)] ?? 'x').join('');
/** Joined at run time: a whole token in a source file would trip scanners. */
const start = (...parts: string[]) => parts.join('');

/** What the runner is not told of: only its shape gives it away. */
const SHAPED: Record<string, (r: Random) => string> = {
  github: (r) => start('ghp', '_') + letters(r, 36),
  'github app': (r) => start('ghs', '_') + letters(r, 36),
  'github fine-grained': (r) => `${start('github', '_pat_') + letters(r, 22)}_${letters(r, 59)}`,
  openai: (r) => `${start('sk', '-proj-') + letters(r, 40)}7`,
  anthropic: (r) => `${start('sk', '-ant-api03-') + letters(r, 90)}3AA`,
  aws: (r) => start('AK', 'IA') + letters(r, 16, 'ABCDEFGHIJKLMNOP234567'),
  slack: (r) => `${start('xox', 'b-')}${letters(r, 12, '0123456789')}-${letters(r, 24)}`,
  google: (r) => start('AI', 'za') + letters(r, 35, `${WORD}-_`),
  gitlab: (r) => start('glpat', '-') + letters(r, 20),
  npm: (r) => start('npm', '_') + letters(r, 36),
  stripe: (r) => `${start('sk', '_live_') + letters(r, 24)}1`,
  vault: (r) => `${start('hvs', '.') + letters(r, 94)}1`,
  guruguru: (r) => start('ggr', '_') + letters(r, 43),
  jwt: (r) => `${start('ey', 'J') + letters(r, 33)}.${start('ey', 'J') + letters(r, 80)}.${letters(r, 43)}`,
  databricks: (r) => start('da', 'pi') + letters(r, 32, HEX),
};

/** What the runner is told of, whatever it looks like. */
const KNOWN: Record<string, (r: Random) => string> = {
  word: (r) => `w${letters(r, 15)}`,
  password: (r) => `p${letters(r, 5)}&"${letters(r, 4)}'$ /+?ö${letters(r, 4)}`,
  long: (r) => letters(r, 120, `${WORD}+/=`),
};

const base64 = (text: string) => Buffer.from(text).toString('base64');
const ENCODINGS: Record<string, (secret: string) => string> = {
  plain: (secret) => secret,
  'base64 at 0': (secret) => base64(`abc${secret}`.slice(3)),
  'base64 at 1': (secret) => base64(`user${secret === '' ? '' : ':'.padEnd(3, '-')}${secret}`),
  'base64 at 2': (secret) => base64(`a:${secret}\n`),
  base64url: (secret) => Buffer.from(`{"token":"${secret}"}`).toString('base64url'),
  URL: (secret) => `https://example.com/?token=${encodeURIComponent(secret)}&x=1`,
  JSON: (secret) => JSON.stringify({ headers: `a\n${secret}\n` }),
  shell: (secret) => `+ curl -H '${secret.replaceAll("'", "'\\''")}'`,
  hex: (secret) => Buffer.from(secret).toString('hex'),
};

const SPLITS: Record<string, (text: string, r: Random) => string[]> = {
  whole: (text) => [text],
  'in two': (text, r) => {
    const at = r(text.length);
    return [text.slice(0, at), text.slice(at)];
  },
  'into pieces of 7': (text) => text.match(/[\s\S]{1,7}/g) ?? [],
  'by character': (text) => [...text],
  coloured: (text, r) => {
    const at = 6 + r(Math.max(1, text.length - 12));
    const cut = at + r(4);
    return [`${text.slice(0, at)}\x1b[01;31m\x1b[K`, `${text.slice(at, cut)}\x1b[m\x1b[K${text.slice(cut)}`];
  },
};

const BEFORE = '2026-11-22 step 3f786850e387550fdab836ed7e6dc881de23001b ';

/** Whether eight characters in a row of the secret can still be read, as they are or decoded. */
function leaks(shown: string, secret: string): boolean {
  const text = shown.replace(/\x1b\[[0-9;]*[mK]/g, '');
  const read = [text, text.replaceAll('\n', '')];
  for (const skip of [0, 1, 2, 3]) {
    for (const run of text.match(/[A-Za-z0-9+/_-]{11,}/g) ?? []) {
      read.push(Buffer.from(run.slice(skip), 'base64').toString('latin1'));
      read.push(Buffer.from(run.slice(skip), 'hex').toString('latin1'));
    }
  }
  const raw = Buffer.from(secret).toString('latin1');
  for (let at = 5; at + 8 <= raw.length; at += 1) {
    const piece = raw.slice(at, at + 8);
    if (read.some((one) => one.includes(piece))) return true;
  }
  return false;
}

function shownInPieces(pieces: readonly string[], known: readonly string[]): string {
  const redactor = createRedactor(known);
  return pieces.map((piece) => redactor.push(piece)).join('') + redactor.end();
}

describe('10,000 canaries', () => {
  it('none can be read, however encoded and split', () => {
    const kinds = [...Object.entries(SHAPED), ...Object.entries(KNOWN)];
    const leaked: string[] = [];
    let cases = 0;
    for (let seed = 1; cases < 10_000; seed += 1) {
      for (const [kind, make] of kinds) {
        for (const [encoding, encode] of Object.entries(ENCODINGS)) {
          for (const [split, cut] of Object.entries(SPLITS)) {
            const r = random(seed * 7919 + cases);
            const secret = make(r);
            const text = `${BEFORE}${encode(secret)} done\n`;
            const shown = shownInPieces(cut(text, r), kind in KNOWN ? [secret] : []);
            // What stands around it stays.
            const plain = shown.replace(/\x1b\[[0-9;]*[mK]/g, '');
            const around = plain.startsWith(BEFORE) && plain.endsWith(' done\n');
            if (leaks(shown, secret) || !around) {
              leaked.push(`${kind}, ${encoding}, ${split}: ${text} → ${shown}`);
            }
            cases += 1;
          }
        }
      }
    }
    expect(leaked.slice(0, 5)).toEqual([]);
    expect(leaked).toHaveLength(0);
    expect(cases).toBeGreaterThanOrEqual(10_000);
  });

  it('none can be read in base64 that is wrapped, at any width and place', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(SHAPED)),
        fc.nat(90),
        fc.constantFrom(64, 76),
        fc.constantFrom('\n', '\r\n'),
        fc.nat(300),
        fc.nat(),
        (kind, before, width, newline, cut, seed) => {
          const secret = SHAPED[kind]?.(random(seed)) ?? '';
          const file = `${'#'.repeat(before)} token=${secret}\naudit=false\nfund=false\nproxy=http://proxy.example/\nalways-auth=true\n`;
          const wrapped =
            base64(file)
              .match(new RegExp(`.{1,${width}}`, 'g'))
              ?.join(newline) ?? '';
          const shown = shownInPieces([wrapped.slice(0, cut), `${wrapped.slice(cut)}\n`], []);
          const decoded = Buffer.from(shown.replaceAll('***', ''), 'base64').toString('latin1');
          expect(leaks(shown, secret) || leaks(decoded, secret)).toBe(false);
        },
      ),
    );
  });
});

describe('a private key', () => {
  const key = (r: Random) =>
    [
      start('-----BEGIN RSA PRIVATE', ' KEY-----'),
      ...Array.from({ length: 25 }, () => letters(r, 64, `${WORD}+/`)),
      `${letters(r, 20)}==`,
      start('-----END RSA PRIVATE', ' KEY-----'),
    ].join('\n');
  const FORMS: Record<string, (pem: string) => string> = {
    lines: (pem) => pem,
    JSON: (pem) => JSON.stringify({ private_key: pem }),
    base64: (pem) => base64(pem),
    'wrapped base64': (pem) =>
      base64(pem)
        .match(/.{1,76}/g)
        ?.join('\n') ?? '',
    URL: (pem) => encodeURIComponent(pem),
    'log lines': (pem) => pem.replaceAll(/^/gm, 'app-1  | '),
    'cut short': (pem) => pem.slice(0, 400),
  };

  it.each(Object.entries(FORMS))('is hidden as %s, wherever it is cut', (_form, form) => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const r = random(seed);
      const pem = key(r);
      const text = `before ${form(pem)}\nafter it\n`;
      const pieces: string[] = [];
      for (let at = 0; at < text.length; ) {
        const size = 1 + r(400);
        pieces.push(text.slice(at, at + size));
        at += size;
      }
      const shown = shownInPieces(pieces, []);
      const body = pem.split('\n').slice(1, -1);
      for (const line of body.slice(0, 5)) expect(leaks(shown, `12345${line}`), shown).toBe(false);
      expect(shown).toMatch(/^before [\s\S]*\nafter it\n$/);
    }
  });
});

describe('what is no secret', () => {
  const ORDINARY = [
    'commit 3f786850e387550fdab836ed7e6dc881de23001b (HEAD -> main, origin/main)',
    'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    '"integrity": "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="',
    'request 550e8400-e29b-41d4-a716-446655440000 took 12 ms',
    'Downloading https://files.example/lodash/-/lodash-4.17.21.tgz',
    'listening on http://localhost:3000, postgres at postgres://localhost:5432/test',
    'export npm_config_registry_something_that_is_quite_long_enough=1 npm_package_dependencies_lodash_4_17_21_x=1',
    'task-runner sk-learn disk-usage risk-assessment-of-a-very-long-identifier-2',
    'gs://bucket/some/long/path/to/an/object/with/many/parts/2026/11/22/file.parquet',
    '/usr/local/lib/node_modules/@scope/package_name/dist/esm/index-3f786850e387.js.map',
    'highs_and_lows_of_the_trading_session_of_today_1 weight_initialization_parameter_server_x1',
    'PEM must start with -----BEGIN PRIVATE KEY-----, see the docs',
    '-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJ\n-----END CERTIFICATE-----',
    'Authorization: Bearer $TOKEN https://user:$PASSWORD@example.com https://bot:***@example.com',
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl person@host',
    'lines: ------------------------------ ====================',
    '\x1b[32m✓\x1b[0m test/a.test.ts (12 tests) \x1b[2m34ms\x1b[0m',
    'jobs/queue/2026-11-22-001.json reports/jobs/2026-11-22-001.out pip-24.0-py3-none-any.whl',
  ].join('\n');

  it('stays, whole and in any pieces', () => {
    expect(redactPublished(ORDINARY)).toBe(ORDINARY);
    fc.assert(
      fc.property(fc.array(fc.nat(ORDINARY.length), { maxLength: 40 }), (cuts) => {
        const pieces = [0, ...cuts.sort((a, b) => a - b), ORDINARY.length];
        const texts = pieces.slice(1).map((to, index) => ORDINARY.slice(pieces[index] ?? 0, to));
        expect(shownInPieces(texts, [])).toBe(ORDINARY);
      }),
    );
  });

  it('is told at once, but for what may become a secret', () => {
    const redactor = createRedactor(['hunter2-hunter2']);
    expect(redactor.push('Downloading')).toBe('Downloading');
    expect(redactor.push(' 3f786850e387550fdab836ed7e6dc881de23001b')).toBe(
      ' 3f786850e387550fdab836ed7e6dc881de23001b',
    );
    expect(redactor.push(` ${start('ghp', '_')}abc`)).toBe(' ');
    expect(redactor.settle()).toBe(`${start('ghp', '_')}abc`);
    expect(redactor.push('hello\n')).toBe('hello\n');
  });

  it('is not taken for the rest of a secret that another script line printed', () => {
    const redactor = createRedactor([]);
    const token = start('ghp', '_') + 'aB3'.repeat(12);
    expect(redactor.push(token) + redactor.settle()).toBe('***');
    expect(redactor.push('hello\n')).toBe('hello\n');
  });
});
