import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { onFreePort } from '../../workers/free-port.js';

/** A port that another person took between its choice and its use. */
const taken = () => {
  throw new Error('Address already in use');
};

test('a port that another process takes first is given up for another one', async () => {
  const tried: string[] = [];
  const address = await onFreePort((offered) => {
    tried.push(offered);
    if (tried.length < 3) taken();
  });
  expect(tried).toHaveLength(3);
  expect(address).toBe(tried.at(-1));
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(Number(address.split(':')[1]), '127.0.0.1', resolve);
  });
  server.close();
});

test('what fails on every port is thrown, not tried for ever', async () => {
  let tries = 0;
  const bind = () => {
    tries += 1;
    taken();
  };
  await expect(onFreePort(bind)).rejects.toThrow('Address already in use');
  expect(tries).toBe(5);
});
