/** The front door of `canary-release-gate/smoke`: what a suite of one's own is written with (docs/smoke-suite.md). */
export { z } from 'zod';
export { defaultSuite } from './default-suite.js';
export {
  type Answer,
  answers,
  type Check,
  type CheckRequest,
  type Credentials,
  check,
  del,
  get,
  post,
  type Step,
  type Suite,
  step,
  type Values,
} from './suite.js';
