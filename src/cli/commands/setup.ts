import { SEARCH_ATTRIBUTES } from '../../../workflows/search-attributes.js';
import { withClient } from '../../temporal/client.js';
import { registerSearchAttributes } from '../../temporal/search-attributes.js';
import type { Command } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const setup: Command = {
  name: 'setup',
  arguments: '',
  summary: 'Prepare a Temporal namespace: register the search attributes. Safe to repeat.',
  options: [],
  examples: ['canary setup', 'TEMPORAL_PROFILE=prod canary setup'],
  run: (_given, io) =>
    withClient(io.env, async (client) => {
      const { namespace } = client.options;
      const added = await registerSearchAttributes(client.connection, namespace, SEARCH_ATTRIBUTES);
      io.out(
        added.length === 0
          ? `${namespace}: all search attributes were there`
          : `${namespace}: registered ${added.join(', ')}`,
      );
      return EXIT.done;
    }),
};
