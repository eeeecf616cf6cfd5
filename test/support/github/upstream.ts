import { createSign } from 'node:crypto';
import { Agent, request } from 'node:http';
import { parse, text } from './json.ts';
import type { AppSeed, Grant } from './types.ts';

export interface Reply {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

export interface Upstream {
  /** Forwards one request to the emulator. `token` is an upstream token, or undefined for none. */
  send(call: {
    method: string;
    path: string;
    token?: string;
    raw?: Buffer;
    headers?: Record<string, string>;
  }): Promise<Reply>;
  /** The upstream token to use now for a person. */
  userToken(login: string): string;
  /** The upstream token to use now for what an installation token grants. */
  grantToken(grant: Grant): Promise<string>;
  close(): void;
}

/** The emulator refuses a token's 5,000th request in an hour; rotate well before. */
const REQUESTS_PER_TOKEN = 4_900;
/** A token lives for an hour, also on a clock that a test moves. */
const TOKEN_USED_MS = 50 * 60_000;
/** Enough for 200,000 requests by one person. */
export const TOKENS_PER_USER = 41;

/** The n-th upstream token of a person; all of them are seeded into the emulator. */
export function upstreamUserToken(login: string, index: number): string {
  return `upstream-${login}-${index}`;
}

/** An App JWT, as GitHub's documentation builds it; at most ten minutes are accepted. */
export function appJwt(appId: number, privateKey: string, nowSeconds: number, lifeSeconds = 540): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const head = `${encode({ alg: 'RS256', typ: 'JWT' })}.${encode({
    iat: nowSeconds - 30,
    exp: nowSeconds + lifeSeconds,
    iss: String(appId),
  })}`;
  return `${head}.${createSign('RSA-SHA256').update(head).sign(privateKey, 'base64url')}`;
}

/** A keep-alive connection to the emulator that swaps tokens before the hard-coded rate limit bites. */
export function openUpstream(port: number, publicHost: string, app: AppSeed, privateKey: string): Upstream {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const userUses = new Map<string, number>();
  const grants = new Map<string, { token: Promise<string>; uses: number; at: number }>();

  const send: Upstream['send'] = (call) => sendOnce(call, true);

  /** A kept connection may be closed at the moment it is used again: then nothing was heard, and it is sent anew. */
  const sendOnce = (call: Parameters<Upstream['send']>[0], again: boolean): Promise<Reply> => {
    const { method, path, token, raw, headers } = call;
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          host: '127.0.0.1',
          port,
          method,
          path,
          agent,
          headers: {
            // The emulator builds its Link headers from the Host it was asked for.
            host: publicHost,
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
            ...(raw && raw.length > 0
              ? { 'content-type': 'application/json', 'content-length': String(raw.length) }
              : {}),
            ...headers,
          },
        },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.on('error', reject);
          incoming.on('end', () => {
            const flat: Record<string, string> = {};
            for (const [name, value] of Object.entries(incoming.headers)) {
              if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value;
            }
            resolve({ status: incoming.statusCode ?? 0, headers: flat, body: Buffer.concat(chunks) });
          });
        },
      );
      outgoing.on('error', (error) => {
        if (again && outgoing.reusedSocket) resolve(sendOnce(call, false));
        else reject(error);
      });
      outgoing.end(raw);
    });
  };

  const mint = async (grant: Grant): Promise<string> => {
    const reply = await send({
      method: 'POST',
      path: `/app/installations/${app.installationId}/access_tokens`,
      token: appJwt(app.id, privateKey, Math.floor(Date.now() / 1000)),
      raw: Buffer.from(JSON.stringify({ permissions: grant.permissions })),
    });
    const token = text(parse(reply.body), 'token');
    if (token === '') throw new Error(`the emulator gave no installation token: ${reply.body.toString()}`);
    return token;
  };

  return {
    send,
    userToken(login) {
      const uses = (userUses.get(login) ?? 0) + 1;
      userUses.set(login, uses);
      return upstreamUserToken(login, Math.floor(uses / REQUESTS_PER_TOKEN));
    },
    grantToken(grant) {
      // Which repositories a token covers is judged by the proxy, so permissions alone name a pool.
      const key = JSON.stringify(grant.permissions);
      let pooled = grants.get(key);
      if (!pooled || pooled.uses >= REQUESTS_PER_TOKEN || Date.now() - pooled.at > TOKEN_USED_MS) {
        pooled = { token: mint(grant), uses: 0, at: Date.now() };
        grants.set(key, pooled);
      }
      pooled.uses += 1;
      return pooled.token;
    },
    close: () => agent.destroy(),
  };
}
