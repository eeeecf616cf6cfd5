import { createVerify } from 'node:crypto';
import { int, isJson, parse, text } from './json.ts';
import type { Actor } from './types.ts';
import { Refusal, type World } from './world.ts';

/** GitHub's bounds on an App JWT (docs: generating a JWT): ten minutes, a minute of clock drift. */
const JWT_SECONDS = 600;
const DRIFT_SECONDS = 60;
const TOKEN_LIFE_MS = 3_600_000;

function checkJwt(world: World, token: string): Actor {
  const [head = '', claims = '', signature = ''] = token.split('.');
  const payload = parse(Buffer.from(claims, 'base64url'));
  const good = createVerify('RSA-SHA256')
    .update(`${head}.${claims}`)
    .verify(world.publicKey, signature, 'base64url');
  if (!good || !isJson(payload)) throw new Refusal(401, 'A JSON web token could not be decoded');
  const issuer = typeof payload.iss === 'number' ? String(payload.iss) : text(payload, 'iss');
  if (issuer !== String(world.app.id) && issuer !== world.app.clientId) {
    throw new Refusal(401, "'Issuer' claim ('iss') must be an Integer");
  }
  const now = Date.now() / 1000;
  const expires = int(payload, 'exp');
  if (!(expires > now))
    throw new Refusal(
      401,
      "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
    );
  if (expires > now + JWT_SECONDS + DRIFT_SECONDS) {
    throw new Refusal(401, "'Expiration time' claim ('exp') is too far in the future");
  }
  if (int(payload, 'iat') > now + DRIFT_SECONDS) {
    throw new Refusal(
      401,
      "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
    );
  }
  return { type: 'app' };
}

/** Reads who is asking; `invalid` for a token GitHub does not know (any more). */
export function readActor(world: World, authorization: string | undefined): Actor {
  if (authorization === undefined) return { type: 'anonymous' };
  const token = authorization.replace(/^(bearer|token)\s+/i, '').trim();
  if (token.startsWith('eyJ')) return checkJwt(world, token);
  const known = world.tokens.get(token);
  if (!known) return { type: 'invalid' };
  if (known.type === 'installation') {
    const expired = Date.now() - known.grant.issuedAt > TOKEN_LIFE_MS;
    if (expired || world.installation.deleted) return { type: 'invalid' };
  }
  return known;
}
