/** Other apps on the same database, as of the last second. */
export interface Others {
  apps: number;
  /** For how long the first of them has been connected, in ms. */
  connectedMs: number;
}

/** For how long another app must have been connected to have heard and written down what happened, in ms. */
const ATTENDED_MS = 60_000;

/** Whether the database was attended to before this app came: then nothing was missed, nor is a backup new. */
export function wasAttended({ connectedMs }: Others): boolean {
  return connectedMs >= ATTENDED_MS;
}

/** Where there can be none. */
export const ALONE: Others = { apps: 0, connectedMs: 0 };
