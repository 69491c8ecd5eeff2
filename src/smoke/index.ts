/** Public API of `@canary-release-gate/canary/smoke`, for writing a suite (docs/smoke-suite.md). */
export { z } from 'zod';
export type { Answer, Check, CheckRequest, Credentials, Step, Values } from './check.js';
export { defaultSuite } from './default-suite.js';
export type { SecretSource } from './kinds/judge.js';
export type { Judge } from './kinds/table.js';
export { alerts, answers, check, command, del, drift, get, post, prometheus, type Suite, step } from './suite.js';
