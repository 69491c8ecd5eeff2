import { SEARCH_ATTRIBUTES } from '../../../workflows/search-attributes.js';
import { withClient } from '../../temporal/client.js';
import { registerSearchAttributes } from '../../temporal/search-attributes.js';
import type { Given, Io } from '../command.js';
import { EXIT } from '../exit-codes.js';

export function setup(_given: Given, io: Io): Promise<number> {
  return withClient(io.env, async (client) => {
    const { namespace } = client.options;
    const added = await registerSearchAttributes(client.connection, namespace, SEARCH_ATTRIBUTES);
    io.out(
      added.length === 0
        ? `${namespace}: all search attributes were there`
        : `${namespace}: registered ${added.join(', ')}`,
    );
    return EXIT.done;
  });
}
