/** So many deliveries within this time are a burst. Nobody's everyday comes near; a flood or redelivery does. */
const BURST = 25;
const BURST_WINDOW_MS = 250;
/** During a burst one held call goes out this often, so that the work never stands still. */
const TRICKLE_MS = 40;
/**
 * It is over when it was none for so many turns: after a long turn of the event loop it only looks ended,
 * since what came meanwhile is heard in the next one.
 */
const CALM_TURNS = 5;

/**
 * Acknowledgements before work: GitHub waits ten seconds for one and does not send again by itself, while
 * the work can wait. Measured (bench `ack`): without it the median is 20 × an empty Probot's.
 */
export interface RightOfWay {
  /** A delivery has come. */
  noteDelivery(): void;
  /** Whether a burst goes on. */
  busy(): boolean;
  /** For calls to GitHub: `fetch`, held during a burst and let out one by one. */
  fetch: typeof globalThis.fetch;
}

export function createRightOfWay(): RightOfWay {
  const waiting: (() => void)[] = [];
  /** When the last deliveries came, the oldest first. */
  const arrivals: number[] = [];
  let calmTurns = 0;
  let timer: NodeJS.Timeout | undefined;

  const busy = () => arrivals.length === BURST && performance.now() - (arrivals[0] ?? 0) < BURST_WINDOW_MS;

  function letOut(): void {
    timer = undefined;
    calmTurns = busy() ? 0 : calmTurns + 1;
    for (const go of waiting.splice(0, calmTurns < CALM_TURNS ? 1 : waiting.length)) go();
    wait();
  }

  function wait(): void {
    if (waiting.length > 0 && timer === undefined) timer = setTimeout(letOut, TRICKLE_MS);
  }

  return {
    busy,
    noteDelivery() {
      arrivals.push(performance.now());
      if (arrivals.length > BURST) arrivals.shift();
    },
    async fetch(input, init) {
      if (busy() || waiting.length > 0) {
        await new Promise<void>((resolve) => {
          waiting.push(resolve);
          wait();
        });
      }
      return fetch(input, init);
    },
  };
}
