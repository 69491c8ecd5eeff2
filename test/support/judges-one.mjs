// `node judges-one.mjs <script>`: judges a tenant by a command, as a worker does.
import { createJiti } from 'jiti';

const { import: load } = createJiti(import.meta.url);
const { command } = await load('../../src/smoke/kinds/command.ts');

const judge = {
  tenant: { name: 'canary-1', origin: 'http://127.0.0.1:9' },
  access: { plainEnv: process.env, folder: '.' },
  window: null,
};
const check = { kind: 'command', name: 'a', proves: 'b', run: ['sh', '-c', process.argv[2]] };
await command.run({ judge }, check, { probe: '' }, new AbortController().signal);
