// `npm run bench -- <name>`: set-up, then the measurement.
import { setUp } from './setup.mjs';

try {
  await setUp({ tools: ['temporal', 'registry', 'crane'], build: true });
  await import('../dist/bench/main.js');
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
