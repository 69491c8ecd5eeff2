import { answers, check, defaultSuite, get } from 'canary-release-gate/smoke';

/** The suite of the gate, and one check more. */
export default [
  ...defaultSuite,
  check('a stranger cannot list workspaces', 'workspaces are closed', get('/workspaces', 'wrong'), answers(401)),
];
