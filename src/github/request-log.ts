/** `auth` is an installation token being made. */
type RequestKind = 'read' | 'write' | 'auth';

interface RequestCount {
  kind: RequestKind;
  /** Method and URL template, e.g. `POST /repos/{owner}/{repo}/pulls`. */
  template: string;
  count: number;
}

export interface RequestLog {
  record(method: string, url: string): void;
  /** In the order of first use. */
  counts(): RequestCount[];
  totals(): Record<RequestKind, number>;
}

/** Counts requests as they leave, retries included, for metrics and the bench. */
export function createRequestLog(): RequestLog {
  const counts = new Map<string, RequestCount>();
  return {
    record(method, url) {
      const template = `${method} ${url}`;
      const known = counts.get(template);
      if (known) known.count += 1;
      else counts.set(template, { kind: requestKind(method, url), template, count: 1 });
    },
    counts: () => [...counts.values()].map((entry) => ({ ...entry })),
    totals() {
      const totals = { read: 0, write: 0, auth: 0 };
      for (const entry of counts.values()) totals[entry.kind] += entry.count;
      return totals;
    },
  };
}

function requestKind(method: string, url: string): RequestKind {
  if (url.endsWith('/access_tokens')) return 'auth';
  return method === 'GET' || method === 'HEAD' ? 'read' : 'write';
}
