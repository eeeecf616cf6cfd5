/** What a sandbox is made of; every path is real (no link in it) and exists. */
export interface Places {
  workdir: string;
  /** The run's folder: driver, channels, report. */
  folder: string;
  /** Below it: the job's own /tmp. */
  tmp: string;
  /** Emptied: homes, sockets, other people's temporary files. */
  emptied: readonly string[];
  read: readonly string[];
  hidden: readonly { path: string; folder: boolean }[];
  network: 'on' | 'off';
}
