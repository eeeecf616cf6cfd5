import { type AppOptions, createLog, startApp } from '../../src/app.ts';
import { parseAppConfig } from '../../src/config.ts';

/** The app as a process of its own, with options that no setting has: one JSON argument. */
const { credentials, ...config } = parseAppConfig(process.env);
if (!credentials) throw new Error('the App’s credentials are missing');
const app = await startApp(
  { ...config, credentials },
  createLog({ ...config, credentials }),
  JSON.parse(process.argv[2] ?? '{}') as AppOptions,
);
process.on('SIGTERM', () => void app.stop().then(() => process.exit(0)));
