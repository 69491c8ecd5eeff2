import { answers, check, defaultSuite, get } from '@canary-release-gate/canary/smoke';

/** Suite of the gate with one more check. */
export default [
  ...defaultSuite,
  check('a stranger cannot list workspaces', 'workspaces are closed', get('/workspaces', 'wrong'), answers(401)),
];
