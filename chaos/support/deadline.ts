/** A signal that aborts after `ms`, or with `over`. Node forgets an AbortSignal.timeout that only `any` refers to. */
export function deadline(ms: number, over: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const end = () => {
    clearTimeout(timer);
    over.removeEventListener('abort', end);
    controller.abort();
  };
  const timer = setTimeout(end, ms);
  over.addEventListener('abort', end);
  if (over.aborted) end();
  return controller.signal;
}
