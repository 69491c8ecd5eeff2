import { InvalidInput, shown } from '../../../contract/brand.js';
import { type Command, type Given, TEMPORAL, textOption } from '../../command.js';
import { EXIT } from '../../exit-codes.js';

export const worker: Command = {
  options: [
    {
      flags: '--deployment <name>',
      description: 'Worker Deployment of Temporal that it polls for: a run then keeps the version that it began with',
    },
    { flags: '--build-id <id>', description: 'its version in that deployment' },
  ],
  environment: [...TEMPORAL, 'all of docs/configuration.md'],
  examples: [
    'CANARY_TENANT_URLS=https://canary-1.example.com CANARY_ADMIN_TOKENS_FILE=tokens GITHUB_TOKEN_FILE=token canary worker',
    'canary worker --deployment canary --build-id 1.4.0',
  ],
  run: async (given, io) => {
    const deployment = deploymentOf(given);
    const { runWorker } = await import('../../../../workers/main.js');
    await runWorker(io.env, io.signal, deployment);
    return EXIT.done;
  },
};

/** Temporal joins the two by `:` or `.`, so the first character at least is another one. */
const NAME = /^[A-Za-z0-9_][\w.+-]{0,99}$/;

/** @throws {InvalidInput} */
function deploymentOf(given: Given) {
  const [deploymentName, buildId] = [textOption(given, 'deployment'), textOption(given, 'buildId')];
  if (deploymentName === undefined && buildId === undefined) return null;
  if (deploymentName === undefined || buildId === undefined)
    throw new InvalidInput('--deployment and --build-id belong together: set both, or neither');
  for (const name of [deploymentName, buildId])
    if (!NAME.test(name)) throw new InvalidInput(`invalid name ${shown(name)}: expected letters, digits and . _ + -`);
  return { deploymentName, buildId };
}
