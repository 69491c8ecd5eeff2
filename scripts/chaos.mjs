// `npm run chaos -- --seed N --runs M [--minutes T] [--break NAME]`: set-up, then runs of chaos (chaos/README.md).
import { setUp } from './setup.mjs';

try {
  await setUp({ tools: ['temporal', 'registry', 'crane'], build: true, bundled: true });
  await import('../dist/chaos/main.js');
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
