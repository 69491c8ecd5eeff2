// Before `npm pack`: compiles, and bundles the workflows, so that a worker from the package starts at once.
import { setUp } from './setup.mjs';

await setUp({ tools: [], build: true, bundled: true });
