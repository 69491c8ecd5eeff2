import { benchRegistry } from './registry.js';

const BENCHES: Record<string, () => Promise<void>> = { registry: benchRegistry };

const [name = ''] = process.argv.slice(2);
const bench = BENCHES[name];
if (!bench) {
  console.error(`npm run bench -- <name>: ${Object.keys(BENCHES).join(', ')}`);
  process.exit(2);
}
await bench();
