/** One known route; `template` is written as GitHub's OpenAPI description writes it. */
interface Route {
  method: string;
  template: string;
  match(pathname: string): Record<string, string> | undefined;
}

/** Parameters that take the rest of a path, slashes included. */
const GREEDY = new Set(['path', 'ref', 'basehead', 'branch']);

/** Routes the proxy only forwards, besides those it mends. */
const FORWARDED = [
  'GET /repos/{owner}/{repo}/contents/{path}',
  'GET /repos/{owner}/{repo}/git/ref/{ref}',
  'GET /repos/{owner}/{repo}/git/matching-refs/{ref}',
  'GET /repos/{owner}/{repo}/git/trees/{tree_sha}',
  'GET /repos/{owner}/{repo}/git/blobs/{file_sha}',
  'GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews',
  'GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}',
  'GET /repos/{owner}/{repo}/commits/{commit_sha}/comments',
  'GET /repos/{owner}/{repo}/branches',
  'GET /repos/{owner}/{repo}/collaborators',
  'GET /users/{username}',
];

function compile(key: string): Route {
  const [method = '', template = ''] = key.split(' ');
  const names: string[] = [];
  const source = template.replace(/\{([^}]+)\}/g, (_, name: string) => {
    names.push(name);
    return GREEDY.has(name) ? '(.+)' : '([^/]+)';
  });
  const pattern = new RegExp(`^${source}$`);
  return {
    method,
    template,
    match(pathname) {
      const found = pattern.exec(pathname);
      if (!found) return undefined;
      return Object.fromEntries(
        names.map((name, index) => [name, decodeURIComponent(found[index + 1] ?? '')]),
      );
    },
  };
}

/** Literal segments first, greedy parameters last, so that the first match is the right one. */
function looseness(template: string): number {
  const names = [...template.matchAll(/\{([^}]+)\}/g)].map((found) => found[1] ?? '');
  const greedy = names.filter((name) => GREEDY.has(name)).length;
  const endsGreedy = GREEDY.has(/\{([^}]+)\}$/.exec(template)?.[1] ?? '') ? 1 : 0;
  return endsGreedy * 100 + greedy * 10 + names.length;
}

/** Compiles the table; `mended` are the keys (`METHOD /template`) the proxy answers or repairs itself. */
export function createRoutes(mended: string[]): (method: string, pathname: string) => Found | undefined {
  const routes = [...mended, ...FORWARDED].map(compile);
  routes.sort((a, b) => looseness(a.template) - looseness(b.template));
  const byMethod = new Map<string, Route[]>();
  for (const route of routes) byMethod.set(route.method, [...(byMethod.get(route.method) ?? []), route]);
  return (method, pathname) => {
    for (const route of byMethod.get(method) ?? []) {
      const params = route.match(pathname);
      if (params) return { template: route.template, params };
    }
    return undefined;
  };
}

export interface Found {
  template: string;
  params: Record<string, string>;
}
