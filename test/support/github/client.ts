import { at, isJson, type Json, parse } from './json.ts';

/** One answer of the server, read to the end. */
interface ClientReply {
  status: number;
  headers: Headers;
  json: unknown;
}

/** A refusal met by a helper that expected success. */
class ClientError extends Error {
  readonly status: number;
  readonly json: unknown;
  constructor(method: string, path: string, reply: ClientReply) {
    super(`${method} ${path} answered ${reply.status}: ${JSON.stringify(reply.json)}`);
    this.name = 'ClientError';
    this.status = reply.status;
    this.json = reply.json;
  }
}

export interface Client {
  /** Any request, whatever its status. */
  raw(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<ClientReply>;
  /** An object; throws ClientError unless 2xx. */
  one(method: string, path: string, body?: unknown): Promise<Json>;
  /** All pages of a list; `key` names the array inside an object answer. */
  many(path: string, key?: string): Promise<Json[]>;
}

/** A small client over fetch: enough for tests, and no part of the product. An empty token means none. */
export function createClient(url: string, token: string): Client {
  const raw: Client['raw'] = async (method, path, body, headers) => {
    const reply = await fetch(`${url}${path}`, {
      method,
      headers: { ...(token === '' ? {} : { authorization: `Bearer ${token}` }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: reply.status, headers: reply.headers, json: parse(await reply.text()) };
  };
  const good = async (method: string, path: string, body?: unknown) => {
    const reply = await raw(method, path, body);
    if (reply.status < 200 || reply.status > 299) throw new ClientError(method, path, reply);
    return reply;
  };
  return {
    raw,
    async one(method, path, body) {
      const { json } = await good(method, path, body);
      return isJson(json) ? json : {};
    },
    async many(path, key) {
      const found: Json[] = [];
      for (let page = 1; ; page += 1) {
        const { json } = await good(
          'GET',
          `${path}${path.includes('?') ? '&' : '?'}per_page=100&page=${page}`,
        );
        const items = key === undefined ? json : at(json, key);
        const part = Array.isArray(items) ? items.filter(isJson) : [];
        found.push(...part);
        if (part.length < 100) return found;
      }
    },
  };
}
