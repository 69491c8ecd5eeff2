// `npm run demo`: sets up, then runs the demo in this process, so that Ctrl-C and SIGTERM reach it directly.
import { setUp } from './setup.mjs';

try {
  await setUp({ tools: ['temporal', 'registry', 'crane'], build: true });
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
await import('../dist/demo/main.js');
