import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../github/scope.ts';

/** Waits between attempts at a channel that refuses us; doubled up to a minute. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

/**
 * Receives webhooks through a smee.io-style channel, for development. The app does not wait for it: a channel
 * that is away is tried again, since smee-client itself gives up on any answer but 200.
 *
 * A channel forwards parsed JSON, not the bytes GitHub signed. GitHub's JSON is what `JSON.stringify` writes,
 * so its signature survives; a body written otherwise is refused as wrongly signed.
 */
export function openWebhookProxy(source: string, target: string, log: Log): { close(): void } {
  const closing = new AbortController();
  const { signal } = closing;
  let end = () => {};

  const logger = {
    info() {},
    // Of the connection it speaks in text, and onerror below says that better.
    error(what: unknown) {
      if (what instanceof Error) log.error({ err: what }, 'a webhook from the proxy did not reach the app');
    },
  };

  async function keepOpen(): Promise<void> {
    const { SmeeClient } = await import('smee-client');
    for (let wait = FIRST_WAIT_MS; !signal.aborted; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      const client = new SmeeClient({ source, target, logger });
      await new Promise<void>((resolve) => {
        end = resolve;
        client.onopen = () => {
          wait = FIRST_WAIT_MS;
          log.info({ source }, 'receiving webhooks through the proxy');
        };
        client.onerror = ({ code, message }) => {
          log.warn(
            { source, status: code, reason: message },
            'the webhook proxy is away, connecting again; look at WEBHOOK_PROXY_URL if it stays so',
          );
          // An answer ends the stream for good; a broken connection is mended by the client.
          if (code !== undefined) resolve();
        };
        client.start().catch(() => {
          // Told by onerror.
        });
      });
      await client.stop();
      await delay(wait, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  void keepOpen().catch((err) => log.error({ err }, 'the webhook proxy ended'));
  return {
    close() {
      closing.abort();
      end();
    },
  };
}
