import { Client, Connection } from '@temporalio/client';
import { callsUntilClose } from './calls-until-close.js';
import { connectionConfig } from './connection.js';
import { namespaceMissing, unreachable } from './unreachable.js';

/** How long a server may take to answer the first call, in milliseconds. */
const CONNECT_TIMEOUT_MS = 5_000;

/** Runs `use` with a client and closes its connection afterwards.
 * @throws {TemporalUnreachable} when no server answers. */
export async function withClient<T>(env: NodeJS.ProcessEnv, use: (client: Client) => Promise<T>): Promise<T> {
  const { connectionOptions, namespace } = connectionConfig(env);
  const { interceptors, close } = callsUntilClose();
  const connection = await Connection.connect({
    ...connectionOptions,
    interceptors,
    connectTimeout: CONNECT_TIMEOUT_MS,
  }).catch((error: unknown) => {
    throw unreachable(connectionOptions.address, error);
  });
  try {
    return await use(new Client({ connection, namespace }));
  } catch (error) {
    throw namespaceMissing(namespace, error);
  } finally {
    close();
    await connection.close();
  }
}
