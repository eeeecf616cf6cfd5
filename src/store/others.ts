/** Other apps on the same database, as of the last second. */
export interface Others {
  apps: number;
  /** For how long the first of them has been connected, in ms. */
  connectedMs: number;
}

/** Where there can be none. */
export const ALONE: Others = { apps: 0, connectedMs: 0 };
