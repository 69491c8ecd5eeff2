import type { Network } from '../../net/network.js';
import type { Tenants } from './read.js';

/** What is configured of tenants, for a command that works on the registry alone: nothing, whatever the environment names. */
export const withoutTenants = (network: Network): Tenants => ({
  fleet: null,
  productionFleet: null,
  controlPlane: null,
  membersOf: () => null,
  judgingOf: () => ({
    network,
    folder: '.',
    others: null,
    plainEnv: {},
    secret() {
      throw new Error('a command that works on the registry asks no judge');
    },
  }),
  problems: [],
  fleetProblems: [],
});
