/** Public API of `@canary-release-gate/canary/smoke`, for writing a suite (docs/smoke-suite.md). */
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
