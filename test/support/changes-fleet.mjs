// `node changes-fleet.mjs <fleet file> +name -name …`: adds and removes tenants of a fleet file, as the gate does.
import { createJiti } from 'jiti';

const { addToFleetFile, removeFromFleetFile } = await createJiti(import.meta.url).import(
  '../../src/tenants/rewrite-file.ts',
);
const [file, ...changes] = process.argv.slice(2);
try {
  for (const change of changes) {
    const name = change.slice(1);
    if (change.startsWith('-')) await removeFromFleetFile(file, name);
    else
      await addToFleetFile(
        file,
        { name, url: `https://${name}.example`, token: { env: 'TOKEN' } },
        async () => undefined,
      );
  }
} catch (error) {
  process.stderr.write(`${error.name}: ${error.message}\n`);
  process.exit(1);
}
